// The one way to get doctest. LibTorch's glog defines CHECK macros that would silently replace doctest's: a test that
// needs LibTorch includes torch/types.h before this file, and the clashing macros are dropped here.
#pragma once

#undef CHECK
#undef CHECK_EQ
#undef CHECK_NE
#undef CHECK_LT
#undef CHECK_LE
#undef CHECK_GT
#undef CHECK_GE
#undef CHECK_THROW
#include <doctest/doctest.h>

namespace veer::tests {

/// Whether a row of a product has the same bits wherever it stands; set by the main() of programs with LibTorch
/// (nn::blas_treats_places_alike). Where it has not, nobody can promise bits that depend on no neighbours.
inline bool places_alike = true;

}  // namespace veer::tests

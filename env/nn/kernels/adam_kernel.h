// Adam over rows of a table, one pass, sixteen values at a time. Torch-free. Thread-safe: pure functions on
// the caller's memory. Determinism: element-wise.
#pragma once

#include <cstdint>

#include "env/nn/training/adam.h"

namespace veer::nn {

/// One step on `count` values. `gradient` null: a gradient of zero, of which nothing is read. `keep1` and
/// `keep2` are the betas; `shrink` is 1 without weight decay.
void adam_values(const AdamFactors& factors, float keep1, float keep2, float shrink, std::int64_t count,
                 const float* gradient, float* first_moment, float* second_moment, float* values) noexcept;

}  // namespace veer::nn

// Proof that a loaded model computes what it computed when it was saved. Torch-free.
#pragma once

#include <span>
#include <string>

namespace veer {

/// Largest difference a loaded model may show on its probe: |found - stored| <= tolerance (1 + |stored|).
/// Wide enough for another CPU family, another BLAS or a GPU, far too narrow for other weights.
inline constexpr float probe_tolerance = 1e-3F;

/// Throws FormatError naming probe/output/`name` when the numbers of values differ, VerificationError when a
/// value does.
void check_probe(const std::string& name, std::span<const float> stored, std::span<const float> found);

}  // namespace veer

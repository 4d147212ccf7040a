// Adam (Kingma and Ba, 2015, algorithm 1), without weight decay, over flat arrays. Torch-free.
#pragma once

#include <cstdint>
#include <span>

namespace veer::nn {

struct AdamOptions {
  float learning_rate = 1e-3F;
  float beta1 = 0.9F;
  float beta2 = 0.999F;
  float epsilon = 1e-8F;
};

/// One update of `values` in place. `step` counts from 1. Element-wise, so any cut of the arrays gives the
/// same bits. REQUIRES: spans of one size.
void adam_update(const AdamOptions& options, std::int64_t step, std::span<const float> gradient,
                 std::span<float> first_moment, std::span<float> second_moment,
                 std::span<float> values) noexcept;

}  // namespace veer::nn

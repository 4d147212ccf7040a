// Adam (Kingma and Ba, 2015, algorithm 1) over flat arrays; with a weight decay above 0, AdamW (Loshchilov
// and Hutter, 2019, algorithm 2, schedule multiplier inside the learning rate). Torch-free.
#pragma once

#include <cstdint>
#include <span>

namespace veer::nn {

struct AdamOptions {
  float learning_rate = 1e-3F;
  float beta1 = 0.9F;
  float beta2 = 0.999F;
  float epsilon = 1e-8F;
  float weight_decay = 0.0F;  ///< decoupled: values shrink by learning_rate * weight_decay at every step
  /// Epsilon joins the root before the bias correction ("epsilon hat", as TensorFlow 1 does), which is
  /// epsilon / sqrt(1 - beta2^step) in the formula of the paper and of LibTorch.
  bool epsilon_hat = false;
};

/// What one step of Adam multiplies by, the bias corrections included: value -= rate * first_moment /
/// (sqrt(second_moment) * root + epsilon).
struct AdamFactors {
  float rate = 0.0F;
  float root = 1.0F;
  float epsilon = 0.0F;
};
/// `step` counts from 1.
AdamFactors adam_factors(const AdamOptions& options, std::int64_t step) noexcept;

/// One update of `values` in place. `step` counts from 1. Element-wise, so any cut of the arrays gives the
/// same bits. REQUIRES: spans of one size.
void adam_update(const AdamOptions& options, std::int64_t step, std::span<const float> gradient,
                 std::span<float> first_moment, std::span<float> second_moment,
                 std::span<float> values) noexcept;

}  // namespace veer::nn

#include "env/nn/training/adam.h"

#include <cmath>

namespace veer::nn {

AdamFactors adam_factors(const AdamOptions& options, std::int64_t step) noexcept {
  const double correction1 = 1.0 - std::pow(static_cast<double>(options.beta1), static_cast<double>(step));
  const double correction2 = 1.0 - std::pow(static_cast<double>(options.beta2), static_cast<double>(step));
  const auto root = static_cast<float>(1.0 / std::sqrt(correction2));
  return {static_cast<float>(static_cast<double>(options.learning_rate) / correction1), root,
          options.epsilon_hat ? options.epsilon * root : options.epsilon};
}

void adam_update(const AdamOptions& options, std::int64_t step, std::span<const float> gradient,
                 std::span<float> first_moment, std::span<float> second_moment,
                 std::span<float> values) noexcept {
  const auto [rate, root, epsilon] = adam_factors(options, step);
  const float shrink = 1.0F - options.learning_rate * options.weight_decay;
  const float keep1 = options.beta1;
  const float keep2 = options.beta2;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float g = gradient[i];
    first_moment[i] = keep1 * first_moment[i] + (1.0F - keep1) * g;
    second_moment[i] = keep2 * second_moment[i] + (1.0F - keep2) * g * g;
    values[i] = values[i] * shrink - rate * first_moment[i] / (std::sqrt(second_moment[i]) * root + epsilon);
  }
}

}  // namespace veer::nn

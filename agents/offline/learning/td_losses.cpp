#include "agents/offline/learning/td_losses.h"

#include <algorithm>
#include <cmath>

namespace veer::offline {

float td_target(float reward, float discount, bool done, float next_value) noexcept {
  return done ? reward : reward + discount * next_value;
}

SquaredError half_squared(float target, float q) noexcept {
  const float gap = q - target;
  return {0.5F * gap * gap, gap};
}

SquaredError smooth_l1(float target, float q) noexcept {
  const float gap = q - target;
  if (std::abs(gap) <= 1.0F) return half_squared(target, q);
  return {std::abs(gap) - 0.5F, gap > 0.0F ? 1.0F : -1.0F};
}

float advantage_of(float chosen, std::span<const float> negatives) noexcept {
  float sum = chosen;
  for (const float value : negatives) sum += value;
  return chosen - sum / static_cast<float>(negatives.size() + 1);
}

float propensity_weight(float probability, float share, float smoothing) noexcept {
  return std::pow(std::clamp(probability / share, 0.1F, 10.0F), smoothing);
}

}  // namespace veer::offline

// Actions of stochastic agents, one value at a time: tanh of a normal distribution, with its log density. The
// same formulas as draw_actions() in fusion_networks_net.h, without a graph. Pure functions.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

namespace veer::fusion {

/// The stochastic actor's outputs for one value of an action, and what is drawn from them.
struct DrawnValue {
  float action = 0.0F, log_density = 0.0F;
};
inline constexpr float lowest_log_deviation = -20.0F, highest_log_deviation = 2.0F;

/// tanh(x), and ln(1 - tanh(x)^2) = 2 (ln 2 - |x| - ln(1 + e^(-2 |x|))), which loses nothing for large x.
struct Squashed {
  float value, log_slope;
};
inline Squashed squashed(float x) noexcept {
  const float magnitude = std::abs(x), small = std::exp(-2.0F * magnitude);
  return {std::copysign((1.0F - small) / (1.0F + small), x),
          2.0F * (std::numbers::ln2_v<float> - magnitude - std::log1p(small))};
}

inline constexpr float log_root_two_pi = 0.918938533F;

inline float kept_log_deviation(float raw) noexcept {
  return std::clamp(raw, lowest_log_deviation, highest_log_deviation);
}
/// `deviation` is e^log_deviation, which many draws share.
inline DrawnValue drawn_value(float mean, float log_deviation, float deviation, float noise) noexcept {
  const Squashed at_x = squashed(mean + deviation * noise);
  return {at_x.value, -0.5F * noise * noise - log_deviation - log_root_two_pi - at_x.log_slope};
}

}  // namespace veer::fusion

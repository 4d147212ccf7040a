// Targets and weights of the losses that learn action values from logged events: plain arithmetic, event by
// event. Pure functions; torch-free.
//
// Sources: Xin et al., SIGIR 2020 (SQN, SAC) and WSDM 2022 (SNQN, SA2C); double Q-learning: van Hasselt,
// Guez, Silver, AAAI 2016.
#pragma once

#include <span>

namespace veer::offline {

/// r + gamma (1 - done) q_target(s')[argmax q_main(s')]; `next_value` is that value.
float td_target(float reward, float discount, bool done, float next_value) noexcept;
/// Loss 1/2 (target - q)^2 and its derivative by q, the target a constant.
struct SquaredError {
  float loss = 0.0F;
  float slope = 0.0F;
};
SquaredError half_squared(float target, float q) noexcept;

/// Smooth L1 of the gap: 1/2 gap^2 within 1, |gap| - 1/2 beyond (BCQ).
SquaredError smooth_l1(float target, float q) noexcept;

/// q(s)_a minus the mean of q over a and the sampled negatives (SA2C).
float advantage_of(float chosen, std::span<const float> negatives) noexcept;
/// Propensity weight clamp(p(a) / beta(a), 0.1, 10)^smoothing; beta: the item's share of all events.
float propensity_weight(float probability, float share, float smoothing) noexcept;

}  // namespace veer::offline

// Inverse RL: what people who choose for themselves must find worth taking.
//
// Offline IQ-Learn (Garg et al., NeurIPS 2021, chi-squared divergence, "value" form) on the whole catalogue:
// over the logged events (h, a, h') with temperature T, discount g and alpha it minimises the mean of
//
//   -(Q(h, a) - g V(h')) + (V(h) - g V(h')) + (Q(h, a) - g V(h'))^2 / (4 alpha)
//
// for Q and V of rewards/fitted/reward_model.h: exact sums over the catalogue, analytic gradients. The first
// two terms are T times the negative log-likelihood of the choices under the softmax of Q / T; the third
// picks, among the rewards that explain them equally well, one that is small. What cannot be known stays
// unknown: rewards that differ by c(h) - g c(h') for some function c of the history explain every choice
// alike.
//
// A log ends because the log ends, so V of the last history counts like any other (the paper sets it to 0
// where an episode terminates). Thread-safety: pure functions; the same bits for any number of threads.
#pragma once

#include <cstdint>
#include <span>

#include "env/data/dataset.h"
#include "rewards/fitted/reward_training.h"

namespace veer {

struct InverseRlOptions {
  float discount = 0.5F;     ///< what people are taken to look ahead by
  float temperature = 1.0F;  ///< of their choices; fixes the unit of the reward
  /// In units of the reward. 50 at a temperature of 1 is the ratio of the released code (0.5 at 0.01).
  float alpha = 50.0F;
  float decay = 0.8F;
  std::int32_t window = 10;
  std::int32_t piece = 64;  ///< events of a log per example, >= 1
  RewardTraining training{};  ///< progress reports the loss per event
};

/// Fits to the logs of `people`; `vectors` of the catalogue's items, width 0 for none. Throws ConfigError for
/// options out of range, DataError when none of them has an event.
RewardModel fit_inverse_rl(const Dataset& data, std::span<const UserId> people, ItemFeatures vectors,
                           const InverseRlOptions& options);

/// The loss above for parameters / T, summed over the events of a piece and divided by T; adds its gradient.
/// For fit_inverse_rl() and its tests. `parameters` as in reward_training.h.
double iq_learn_gradient(const Interactions& log, const LogPiece& piece, const ItemFeatures& vectors,
                         const InverseRlOptions& options, std::span<const double> parameters,
                         std::span<double> gradient);

}  // namespace veer

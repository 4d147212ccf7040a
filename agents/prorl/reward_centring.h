// Stepwise Reward Centring: how raw step rewards become one number per step whose mean over steps is zero, so
// that a longer path is not better for being longer. Torch-free; not thread-safe.
//
// Source: Hou et al., "ProRL" (arXiv 2605.28293), equations of the reward; the numbers of its released code.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "agents/generative/step_rewards.h"
#include "env/named_arrays.h"

namespace veer::prorl {

struct CentringOptions {
  std::array<double, metric_count> weights{1.0, 1.0, 1.0};  ///< in the order of Metric; not all 0
  bool centre = true;             ///< subtract the mean; off: the ablation without centring
  double shift = 0.0;             ///< added to every step's fused reward: what a mean other than 0 does
  double acceptance_share = 1.0;  ///< the released code divides the acceptance part by 10: 0.1
  double least_deviation = 0.1;   ///< smaller ones are taken for this
};

/// Mean and deviation of each metric over all real items seen while learning, merged batch by batch (Chan,
/// Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1982).
class RewardCentring {
 public:
  /// Throws ConfigError naming the option.
  explicit RewardCentring(const CentringOptions& options);

  /// Takes the real items of these paths into the statistics. Rows and steps in order.
  void learn(const StepRewards& steps);
  std::int64_t seen() const noexcept { return count_; }
  double mean(Metric metric) const noexcept { return mean_[at(static_cast<std::int64_t>(metric))]; }
  double deviation(Metric metric) const noexcept;

  /// sum over metrics of weight * (raw - mean) / deviation + shift, for every step of every row; 0 past the
  /// end. An invalid item has an acceptance of -1 and one less than the least interest and rank reward among
  /// the real items of these paths; a duplicate has an acceptance of 0.
  std::vector<float> fuse(const StepRewards& steps) const;

  void save(NamedArrays& state) const;
  void restore(const NamedArrays& state);

 private:
  CentringOptions options_;
  std::int64_t count_ = 0;
  std::array<double, metric_count> mean_{};
  std::array<double, metric_count> squares_{};  ///< sum of squared distances from the mean
};

}  // namespace veer::prorl

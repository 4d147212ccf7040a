// Fitted Q evaluation (FQE): what a policy's actions are worth, learned from steps of another policy.
//
// A network Q(s, a) is fitted to r + gamma sum_k w_k Q'(s', a'_k) over logged steps, where a'_k are the
// actions of the policy in question in the next state and Q' is a slow copy; behind a terminated step
// nothing follows, behind a truncated one the value of what was observed last. Source: Le, Voloshin, Yue,
// "Batch policy learning under constraints", ICML 2019; the copy moves a share of the way with every update,
// as is common today. Conservative OPE (BatchRL-MTF, KDD 2022) adds conservatism * (mean Q(s, a_k) - mean
// Q(s, logged)) to the squared error, which presses down what the log does not know.
//
// The network sees standardised states and puts out (Q - centre) / spread with centre and spread guessed
// from the rewards, so that one learning rate suits rewards of any size and values begin near their mean.
// Torch-free header. Not thread-safe: one thread calls, inside the arena whose workers shall help.
// Determinism: weights and values are a function of log, policy, trajectories and options, for any number of
// threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "env/named_arrays.h"
#include "scenarios/ope/fitted/fitted_log.h"
#include "scenarios/ope/log.h"

namespace veer::ope {

struct FittedQOptions {
  double gamma = 0.95;                         ///< discount per step, in [0, 1)
  std::vector<std::int32_t> hidden{128, 128};  ///< widths of hidden layers
  std::int64_t updates = 5000;                 ///< at least 1
  std::int32_t batch = 1024;                   ///< steps per update, drawn with replacement
  float learning_rate = 1e-3F;  ///< Adam's; falls in a line to 0 over the second half of all updates
  float target_rate = 0.02F;    ///< share of the way that the slow copy moves per update
  std::int64_t copy_every = 0;  ///< above 0: the copy is replaced after so many updates instead
  double conservatism = 0.0;    ///< of Conservative OPE, in units of reward; its authors: 5e-4
  /// Values stay within what the rewards of the log could add up to, the largest (smallest) for ever. Far
  /// from the log a network that learns from its own values can drift without end.
  bool bounded = true;
  bool cut_is_end = false;  ///< the value is that of the stretch up to the cut: nothing follows
                            ///< a truncated step. States must tell how near the cut is
  std::uint64_t seed = 1;
};

/// What is shown while it learns: updates so far, the squared error of the last in units of reward.
using FittedProgress = std::function<void(std::int64_t updates, double loss)>;

class FittedQ {
 public:
  /// Learns from the trajectories listed. `log` and `target` must outlive it. Throws ConfigError naming the
  /// option out of range, DataError for no trajectories or actions of another size.
  FittedQ(const FittedLog& log, const TargetActions& target, std::span<const std::int64_t> trajectories,
          const FittedQOptions& options);
  ~FittedQ();

  /// One update; returns the mean squared error of the batch in units of reward. Throws Error when it is no
  /// number.
  double update();
  std::int64_t updates() const noexcept;

  /// Q of the logged action, and V of the policy in question, at these steps, in this order.
  void values(std::span<const std::int64_t> steps, std::span<double> q_hat, std::span<double> v_hat) const;

  NamedArrays parameters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Fills q_hat and v_hat of `trajectories`, which has the steps of `log`: those of a fold from a model that
/// learned from all other folds (see folds.h). Throws Interrupted, and as FittedQ.
void cross_fit_q(const FittedLog& log, const TargetActions& target, std::span<const std::int32_t> folds,
                 const FittedQOptions& options, TrajectoryLog& trajectories,
                 const FittedProgress& progress = {});

}  // namespace veer::ope

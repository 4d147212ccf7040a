// Estimates for logs with few states and actions, where nothing has to be approximated: fitted Q evaluation
// as the exact value of the policy in the process that the log's own frequencies describe, and marginalised
// importance sampling.
// Sources: Le, Voloshin, Yue, "Batch policy learning under constraints", ICML 2019 (FQE); Xie, Ma, Wang,
// "Towards optimal off-policy evaluation for reinforcement learning with marginalized importance sampling",
// NeurIPS 2019. Thread-safety: pure but for the Summariser.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "scenarios/ope/estimate.h"
#include "scenarios/ope/folds.h"
#include "scenarios/ope/log.h"

namespace veer::ope {

/// The states and actions of a log's steps, and the policy in question as a table.
struct Tabular {
  std::int32_t states = 0, actions = 0;
  std::vector<std::int32_t> state;   ///< [steps] 0 .. states-1
  std::vector<std::int32_t> action;  ///< [steps] 0 .. actions-1
  std::vector<double> policy;        ///< [states, actions] probabilities; rows sum to 1
};

/// Sizes, ranges, rows that sum to 1 within 1e-9, and log.target equal to the table within 1e-9. Throws
/// DataError naming the row.
void check(const Tabular& tabular, const TrajectoryLog& log);

/// Q of the policy, [states, actions]: the fixed point of Q(s,a) = mean r + gamma mean V(s') over the logged
/// steps of (s,a), V(s) = sum_a policy(a|s) Q(s,a), and V 0 behind a terminated step; within 1e-12 of its
/// size. Steps with a truncated end are left out, as what follows them is not known. Pairs that were never
/// logged have the value 0. REQUIRES: checked; `trajectories` ascending.
std::vector<double> tabular_q(const TrajectoryLog& log, const Tabular& tabular,
                              std::span<const std::int64_t> trajectories);

/// tabular_q as a model to cross-fit with. Both arguments must outlive it and its models.
FitQ tabular_fit(const TrajectoryLog& log, const Tabular& tabular);

/// mean sum_t gamma^t u_t(s_t) rho_t r_t, where u_t(s) is the frequency of s at step t under the policy,
/// carried forward from step to step, over its frequency in the log. Consistent; its error grows with the
/// horizon only polynomially, as no products of ratios are formed. The interval recomputes all frequencies in
/// each replicate; above 20,000 clusters it takes u as known. REQUIRES: checked.
Estimate marginalised(const TrajectoryLog& log, const Tabular& tabular, Summariser& summariser);

}  // namespace veer::ope

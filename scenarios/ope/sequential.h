// Estimators for trajectories: the expected discounted sum of rewards of the policy in question.
//
// With rho = target / behaviour of a step, w_t = rho_0 ... rho_t, w_-1 = 1, and the steps' q_hat and v_hat:
//   tis       mean( w_last sum_t gamma^t r_t )            unbiased
//   sn-tis    the same over mean(w_last)                  consistent
//   pdis      mean( sum_t gamma^t w_t r_t )               unbiased
//   sn-pdis   sum_t of the same over mean(w_t)            consistent (CWPDIS)
//   dm        mean( v_hat of the first step )             as good as the model, as its interval does not say
//   dr        mean( sum_t gamma^t [ w_t (r_t - q_hat_t) + w_(t-1) v_hat_t ] )   unbiased, whatever the model
//   wdr       dr with w_t over mean(w_t)                  consistent
//   magic     the mixture of wdr and the model whose estimated squared error is smallest; see magic.h
// Behind its last step a trajectory earns nothing, its model's value is 0 and its w_t stays what it was: the
// mean of w_t is always over all trajectories. Leaving those out that have ended would make the normalised
// estimators inconsistent. A truncated trajectory counts up to the cut: with truncations all estimates but
// dm's are about that stretch. Sources: Precup, Sutton, Singh, ICML 2000 (tis, pdis); Thomas, thesis, 2015
// (sn-pdis); Jiang, Li, ICML 2016 (dr); Thomas, Brunskill, ICML 2016 (wdr, magic). Thread-safety: pure but
// for the Summariser.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "scenarios/ope/estimate.h"
#include "scenarios/ope/log.h"

namespace veer::ope {

enum class SequentialEstimator : std::uint8_t { tis, sn_tis, pdis, sn_pdis, dm, dr, wdr, magic };
/// All of them, in the order of the list above.
std::span<const SequentialEstimator> sequential_estimators() noexcept;
std::string_view name_of(SequentialEstimator estimator) noexcept;
/// Whether it reads q_hat and v_hat.
bool needs_model(SequentialEstimator estimator) noexcept;

/// The normalised estimators keep a table of trajectories x steps of the longest one; no more cells than
/// this.
inline constexpr std::int64_t most_cells = std::int64_t{1} << 25;

/// REQUIRES: a checked log. The interval of magic is that of wdr, stretched to hold magic's value: how far
/// the model is off is known only as well as wdr is, and an interval of the mixture alone would hide it. Its
/// standard error is that of the mixture alone. The effective sample size and the largest share are those of
/// the weights of whole trajectories. Throws ConfigError where the estimator needs a model and the log has
/// none, DataError where the table would be too large or weights leave the range of double.
Estimate estimate(const TrajectoryLog& log, SequentialEstimator estimator, Summariser& summariser);

/// The terms of wdr: the model's value first (denominator 1), then one per step t: gamma^t w_t (r_t - q_hat_t
/// + gamma v_hat_(t+1)) over w_t. The sum of the first j + 2 ratios is the j-step return g^(j) of magic.
/// `cumulative` as cumulative_ratios() has it.
Ratios wdr_ratios(const TrajectoryLog& log, std::span<const double> cumulative);
/// The weight of each whole trajectory, [trajectories].
std::vector<double> trajectory_weights(const TrajectoryLog& log, std::span<const double> cumulative);
/// What the trajectories earned as they were logged: the behaviour policy's own value.
Estimate behaviour_value(const TrajectoryLog& log, Summariser& summariser);
Estimate behaviour_value(const BanditLog& log, Summariser& summariser);

}  // namespace veer::ope

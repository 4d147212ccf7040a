// Least squares for the value of a policy (LSTDQ), and the marginal ratios that the same equations give.
//
// With features f(s, a), f' of the policy's own action in the next state (0 behind an end) and f0 of that in
// the first state, Q = f theta solves  sum over steps f (f - gamma f')^T theta = sum f r, and the value is
// the mean of f0 theta. Minimax weight learning with linear weights and linear critics gives the same value:
// its weights w = f u, with  sum (f - gamma f') f^T u = mean f0, make it  sum over steps w r  (Uehara, Huang,
// Jiang, "Minimax weight and Q-function learning for off-policy evaluation", ICML 2020, section 5). Neither
// needs the densities of the policy that acted, and no products of ratios are formed. With one feature per
// pair of state and action it is the exact answer of the log's frequencies. Sources: Lagoudakis, Parr, JMLR
// 4, 2003; Bradtke, Barto, Machine Learning 22, 1996.
//
// Thread-safety: pure functions; they use the workers of the current arena. Determinism: the same bytes for
// any number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "scenarios/ope/estimate.h"
#include "scenarios/ope/fitted/fitted_log.h"

namespace veer::ope {

/// What Q is linear in. Called from many threads at once.
struct PairFeatures {
  std::int32_t width = 0;
  /// Writes `width` values for a state [F] and an action [A].
  std::function<void(std::span<const float> state, std::span<const float> action, std::span<double> out)>
      write;
};

/// 1, the values of state and action standardised over the log, and with `quadratic` their products. Throws
/// ConfigError for more than 1,200 features.
PairFeatures polynomial_features(const FittedLog& log, bool quadratic);

struct LinearQOptions {
  double gamma = 0.95;      ///< in [0, 1)
  bool cut_is_end = false;  ///< as FittedQOptions has it
  double ridge = 1e-6;      ///< added to the diagonal, as a share of its mean; above 0
};

struct LinearQ {
  /// Value, cluster-robust standard error (the infinitesimal jackknife of the equations) and 1.96 of them
  /// either way; contributions per trajectory; effective sample size and largest share of the weights,
  /// negative ones as 0. What a linear Q cannot say is not in the error.
  Estimate estimate;
  std::vector<double> theta;    ///< [width] Q(s, a) = f(s, a) . theta
  std::vector<double> weights;  ///< [steps] marginal ratios, gamma^t included, of mean 1 over what the policy
                                ///< would see; their sum times rewards over trajectories is the value
};

/// REQUIRES: target actions of the log (see fitted_log.h). Throws ConfigError for options out of range.
LinearQ linear_q(const FittedLog& log, const TargetActions& target, const PairFeatures& features,
                 const LinearQOptions& options);

}  // namespace veer::ope

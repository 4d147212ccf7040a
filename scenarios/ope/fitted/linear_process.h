// A process in which the value of every linear policy is known: linear dynamics, normal noise, rewards that
// are quadratic in state and action, and people who leave with the same chance after every step. Estimators
// are measured against it.
//
//   s_0 ~ N(0, I),  s' = D s + E a + noise N(0, 0.3^2 I),  r = c s + d a - 0.1 |a|^2 - 0.05 |s|^2 + 1
//
// The value of a policy a = K s + k + deviation N(0, I) is a quadratic in s, whose matrix, vector and number
// follow from the same one step later (the Riccati recursion of a fixed policy). Thread-safety: immutable.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "scenarios/ope/fitted/fitted_log.h"

namespace veer::ope {

/// Actions are normal around gain s + offset.
struct LinearPolicy {
  std::vector<double> gain;    ///< [A, F]
  std::vector<double> offset;  ///< [A]
  double deviation = 0.0;      ///< of every action value; 0: deterministic
};

class LinearProcess {
 public:
  /// D is near 0.6 I and the other numbers are drawn from `seed`; `leave` is the chance to go after a step,
  /// in [0, 1]. REQUIRES: sizes of 1 or more, gamma in [0, 1).
  LinearProcess(std::int32_t features, std::int32_t reals, double gamma, double leave, std::uint64_t seed);

  std::int32_t features() const noexcept { return features_; }
  std::int32_t reals() const noexcept { return reals_; }
  double gamma() const noexcept { return gamma_; }

  /// A policy of small random gains.
  LinearPolicy policy(std::uint64_t seed, double deviation) const;
  /// The policy whose gains and offsets are `share` of the way from `from` to `to`.
  static LinearPolicy between(const LinearPolicy& from, const LinearPolicy& to, double share,
                              double deviation);

  /// Expected discounted sum of the first `steps` rewards; 0: of all there will ever be.
  double value(const LinearPolicy& policy, std::int64_t steps = 0) const;
  /// Natural log of the density of an action. REQUIRES: deviation above 0.
  double log_density(const LinearPolicy& policy, const float* state, const float* action) const;
  /// Log densities of all logged actions, [steps].
  std::vector<double> log_densities(const LinearPolicy& policy, const FittedLog& log) const;

  /// Trajectories of `policy`, cut off after `most_steps`; of users 0, 1, 2, ... Computed on all threads; the
  /// same bytes on any number of them.
  FittedLog sample(const LinearPolicy& policy, std::int64_t trajectories, std::int64_t most_steps,
                   std::uint64_t seed) const;
  /// The policy's actions in the log's value states.
  TargetActions actions(const LinearPolicy& policy, const FittedLog& log, std::int32_t draws,
                        std::uint64_t seed) const;

 private:
  void act(const LinearPolicy& policy, const float* state, std::span<const float> noise, float* action) const;

  std::int32_t features_, reals_;
  double gamma_, leave_;
  std::vector<double> dynamics_, effect_;           ///< D [F, F], E [F, A]
  std::vector<double> state_worth_, action_worth_;  ///< c [F], d [A]
};

}  // namespace veer::ope

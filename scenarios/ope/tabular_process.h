// A small discrete process in which the value of every policy is known: random transitions and rewards, a
// chance to leave that depends on state and action, and a cut after a number of steps. Thread-safety:
// immutable.
#pragma once

#include <cstdint>
#include <vector>

#include "scenarios/ope/tabular.h"

namespace veer::ope {

/// [states, actions] probabilities, rows sum to 1.
using TabularPolicy = std::vector<double>;

struct TabularSample {
  TrajectoryLog log;  ///< one cluster per trajectory; target is the policy in question's
  Tabular table;
};

class TabularProcess {
 public:
  /// REQUIRES: sizes of 1 or more, gamma in [0, 1), steps >= 1.
  TabularProcess(std::int32_t states, std::int32_t actions, double gamma, std::int64_t steps,
                 std::uint64_t seed);

  /// Expected discounted sum of rewards until the person leaves or the cut.
  double value(const TabularPolicy& policy) const;
  /// Proportional to e^(Q / temperature) with the Q of the best policy (without the cut), mixed with `spread`
  /// of the uniform one. Negative temperatures seek what is worst.
  TabularPolicy softmax(double temperature, double spread = 0.0) const;
  /// At every step the one or the other, `share` being the second's.
  static TabularPolicy mixture(const TabularPolicy& one, const TabularPolicy& two, double share);

  /// Trajectories of `acted` of `steps` steps in all, at least; the last one is played to its end.
  TabularSample sample(const TabularPolicy& acted, const TabularPolicy& asked, std::int64_t steps,
                       std::uint64_t seed) const;

 private:
  double worth(std::int32_t state, std::int32_t action, const std::vector<double>& values) const;
  std::size_t pair(std::int32_t state, std::int32_t action) const noexcept;

  std::int32_t states_, actions_;
  double gamma_;
  std::int64_t steps_;
  std::vector<double> reward_, leave_;  ///< [states, actions]
  std::vector<double> next_;            ///< [states, actions, states] sums over next states, ending in 1
};

}  // namespace veer::ope

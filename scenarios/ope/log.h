// Logged data to judge a policy by that did not act: what the acting policy showed, how likely that was under
// it and under the policy in question, and what came of it. Flat arrays, one check for all rules.
//
// Thread-safety: value types and pure functions. Ownership: a log owns its arrays.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "env/types.h"

namespace veer::ope {

/// What propensities are: probabilities of discrete actions, or densities of continuous ones.
enum class ActionSpace : std::uint8_t { discrete, continuous };

/// How the caller declares the policy in question. No column shows whether it is deterministic: over discrete
/// actions its propensities are 0 or 1; over continuous actions it has no density, hence no importance ratio
/// and nothing that estimators could weigh by, and the check refuses it.
struct ActionKind {
  ActionSpace space = ActionSpace::discrete;
  bool deterministic_target = false;
};

/// Independent decisions, one row each.
struct BanditLog {
  ActionKind actions;
  std::vector<double> reward;     ///< [rows]
  std::vector<double> behaviour;  ///< [rows] propensity of the logged action under the policy that acted
  std::vector<double> target;     ///< [rows] the same under the policy in question
  std::vector<double> q_hat;      ///< [rows] modelled reward of the logged action; or empty
  std::vector<double> v_hat;      ///< [rows] modelled reward under the policy in question; or empty
  std::vector<UserId> cluster;    ///< [rows] whose row it is, rows of one stay together; or empty
  /// Contexts in which the actions' frequencies stand for `behaviour`; 0: it was logged.
  std::int64_t estimated_contexts = 0;

  std::int64_t rows() const noexcept { return static_cast<std::int64_t>(reward.size()); }
};

enum class StepEnd : std::uint8_t {
  none,        ///< the trajectory goes on
  terminated,  ///< nothing follows: the value of what comes after is 0
  truncated,   ///< cut off, though the person would have stayed
};

/// Trajectories of steps: trajectory i has the steps offsets[i] .. offsets[i+1]-1.
struct TrajectoryLog {
  ActionKind actions;
  double gamma = 0.95;                  ///< discount per step, in [0, 1)
  std::vector<std::int64_t> offsets;    ///< [trajectories + 1] from 0, ascending
  std::vector<double> reward;           ///< [steps]
  std::vector<double> behaviour;        ///< [steps] as above
  std::vector<double> target;           ///< [steps]
  std::vector<StepEnd> end;             ///< [steps] not none at the last step of a trajectory, and only there
  std::vector<double> q_hat;            ///< [steps] modelled discounted sum of rewards from here on, of the
                                        ///< logged action; or empty
  std::vector<double> v_hat;            ///< [steps] the same under the policy in question; or empty
  std::vector<UserId> cluster;          ///< [trajectories] or empty
  std::int64_t estimated_contexts = 0;  ///< as above

  std::int64_t trajectories() const noexcept {
    return offsets.empty() ? 0 : static_cast<std::int64_t>(offsets.size()) - 1;
  }
  std::int64_t steps() const noexcept { return static_cast<std::int64_t>(reward.size()); }
  std::int64_t longest() const noexcept;  ///< steps of the longest trajectory
};

/// Slates of equally many positions.
struct SlateLog {
  /// A trajectory per slate, a step per position from the top, discount 1; every last position is terminated.
  TrajectoryLog positions;
  std::vector<double> item_behaviour;  ///< [steps] of the item at its position, whatever stands elsewhere; or
                                       ///< empty: positions are drawn independently, so that both are one
  std::vector<double> item_target;     ///< [steps] the same under the policy in question; or empty
};

/// Where row 0 stands, for messages. No file: rows are named by their place, from 0.
struct RowPlace {
  std::filesystem::path file;
  std::int64_t first_line = 0;
};

/// Columns of one length, finite values, behaviour in (0, 1] and target in [0, 1] (densities: positive and
/// not negative), both q_hat and v_hat or neither, gamma in [0, 1), ends where trajectories end. Throws
/// DataError naming the row, ConfigError for a deterministic target over continuous actions and for gamma.
void check(const BanditLog& log, const RowPlace& place = {});
void check(const TrajectoryLog& log, const RowPlace& place = {});

/// As for trajectories; slates of one width, and both columns of items or neither. Throws DataError naming
/// the row.
void check(const SlateLog& log, const RowPlace& place = {});

/// target / behaviour of each row or step. REQUIRES: checked.
std::vector<double> importance_ratios(const BanditLog& log);
/// The product of the ratios of a trajectory up to and with each step, [steps]. REQUIRES: checked. Throws
/// DataError where the product leaves the range of double.
std::vector<double> cumulative_ratios(const TrajectoryLog& log);

}  // namespace veer::ope

// Logged steps with real-valued states and actions, in the order of episodes: what fitted models of a
// policy's value learn from. Discrete actions are one-hot rows.
//
// Thread-safety: value types and pure functions. Ownership: a log owns its arrays.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "env/learner.h"
#include "env/types.h"
#include "scenarios/ope/log.h"

namespace veer::ope {

/// Trajectory i has the steps offsets[i] .. offsets[i+1]-1. Values of states are needed at every step and
/// behind every trajectory: value state `step` is that of a step, value state steps() + i what was observed
/// after the last step of trajectory i.
struct FittedLog {
  std::int32_t features = 0;          ///< F, at least 1
  std::int32_t reals = 0;             ///< A, at least 1
  std::vector<std::int64_t> offsets;  ///< [trajectories + 1] from 0, ascending
  std::vector<float> states;          ///< [steps + trajectories, F] by value state
  std::vector<float> actions;         ///< [steps, A]
  std::vector<float> reward;          ///< [steps]
  std::vector<float> log_density;     ///< [steps] of the action under the policy that acted; or empty
  std::vector<StepEnd> end;           ///< [steps] as TrajectoryLog has them
  std::vector<EpisodeId> episode;     ///< [trajectories]
  std::vector<UserId> user;           ///< [trajectories]

  std::int64_t trajectories() const noexcept {
    return offsets.empty() ? 0 : static_cast<std::int64_t>(offsets.size()) - 1;
  }
  std::int64_t steps() const noexcept { return static_cast<std::int64_t>(reward.size()); }
  std::int64_t value_states() const noexcept { return steps() + trajectories(); }
};

/// Sizes that fit together, finite numbers, ends where trajectories end. Throws DataError naming the column
/// and the row.
void check(const FittedLog& log);

/// Transitions of any order, sorted by episode and step. An episode that is still running at its last step is
/// a truncated one. Throws DataError, naming the episode, for steps that are missing or stand twice, and
/// check()'s.
FittedLog fitted_log(const Transitions& transitions);

/// Trajectories as the estimators read them: rewards, ends, users as clusters, densities of the behaviour
/// policy, and `target_log_density` (one per step) as those of the policy in question. Both stay empty where
/// there is no target density: estimate() gives dm alone then. Throws DataError for a target without
/// behaviour, and check()'s of log.h.
TrajectoryLog trajectory_log(const FittedLog& log, double gamma,
                             std::span<const double> target_log_density = {});

/// What the policy in question does: `draws` actions per state, each with a weight, of which a state's sum
/// to 1. A deterministic policy has one draw; a stochastic one a few of the same weight; one over few
/// discrete actions all of them, with their probabilities.
struct TargetActions {
  std::int32_t draws = 1;
  std::vector<float> actions;  ///< [value states, draws, A]
  std::vector<float> weights;  ///< [value states, draws]; or empty: 1 / draws each
};

/// Writes `draws` actions for each state: states [rows, F] into actions [rows, draws * A] and, where asked,
/// weights [rows, draws]. `keys` say of whom and when. Called from many threads at once.
using ActByState = std::function<void(View<const float> states, std::span<const StepKey> keys,
                                      View<float> actions, View<float> weights)>;
/// Asks for all value states, in shards of 1,024 on all threads; keys are (seed, episode, step).
/// `weighted`: whether `act` writes weights.
TargetActions target_actions(const FittedLog& log, std::int32_t draws, bool weighted, std::uint64_t seed,
                             const ActByState& act);

}  // namespace veer::ope

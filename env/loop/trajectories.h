// Finished episodes as flat columns: what evaluation returns, judges score, and run files hold.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "env/loop/lanes.h"
#include "env/types.h"
#include "env/user_model.h"

namespace veer {

/// One judge's view of the paths, aligned with the steps (and, for start_*, with the episodes).
struct JudgeScores {
  std::string judge;
  std::vector<float> acceptance;         ///< [steps] probability in 0..1
  std::vector<float> interest;           ///< [steps] natural log p(target) after the step
  std::vector<std::int32_t> rank;        ///< [steps] after the step, 1 = best
  std::vector<float> start_interest;     ///< [episodes]
  std::vector<std::int32_t> start_rank;  ///< [episodes]
  // Of a judge that is an ensemble, otherwise empty: see PathScores.
  std::vector<float> acceptance_deviation{};  ///< [steps]
  std::vector<float> interest_deviation{};    ///< [steps] nats
};

/// Whole episodes in the order of their ids, steps of one episode consecutive.
struct Trajectories {
  std::uint64_t seed = 0;  ///< of the run that played them
  std::int32_t slots = 1;
  std::int32_t reals = 0;
  std::int32_t history_width = 0;
  std::int32_t modifier_width = 0;

  // one value per step (times slots or reals)
  std::vector<EpisodeId> episode;
  std::vector<std::uint32_t> step;  ///< 0-based
  std::vector<UserId> user;
  std::vector<ItemId> target;
  std::vector<ItemId> items;           ///< [steps, slots]
  std::vector<std::uint8_t> feedback;  ///< [steps, slots]
  std::vector<float> probability;      ///< [steps, slots] acceptance under the world's user model; 1 where
                                       ///< everything is accepted and no reward reads it
  std::vector<float> log_prob;         ///< of the action under the policy
  std::vector<float> action_reals;     ///< [steps, reals]
  /// [steps, modifier_width] knobs as the step left them, for judges. Not stored in run files: a run read
  /// back has a modifier_width of 0.
  std::vector<float> modifiers;

  // one value per episode
  std::vector<EpisodeId> episode_id;
  std::vector<std::int64_t> first_step;  ///< index of the episode's first step in the arrays above
  std::vector<std::int32_t> length;      ///< steps
  std::vector<UserId> episode_user;
  std::vector<ItemId> episode_target;
  std::vector<ItemId> history;  ///< [episodes, history_width] at the start, right-padded
  std::vector<std::int32_t> history_size;
  std::vector<EndReason> end;
  std::vector<float> start_modifiers;  ///< [episodes, modifier_width] before the first step
  std::vector<float> episode_return;   ///< sum of rewards; 0 when the scenario has no reward terms

  std::vector<JudgeScores> judges;

  std::int64_t steps() const noexcept { return static_cast<std::int64_t>(episode.size()); }
  std::int64_t episodes() const noexcept { return static_cast<std::int64_t>(episode_id.size()); }
  /// What the columns hold, in bytes.
  std::size_t bytes() const noexcept;
  /// Appends other's episodes behind these. REQUIRES: same widths and judges; later ids.
  void append(const Trajectories& other);
};

/// The same episodes, sorted by id. REQUIRES: no judges yet.
Trajectories in_order_of_ids(const Trajectories& episodes);

/// Episodes [first, last) of these, by their place, with what judges said of them.
Trajectories cut(const Trajectories& from, std::int64_t first, std::int64_t last);

/// The first `most` steps of every episode, with what judges said of them. An episode that loses steps ends
/// by the horizon, and its return, unknown per step, becomes NaN. REQUIRES: most >= 1.
Trajectories first_steps(const Trajectories& from, std::int32_t most);

/// Scores every path of one-item trajectories under `judge` and appends the result to `paths.judges`.
/// `cache_mb` as for score_paths_parallel.
void judge_paths(const UserModel& judge, const std::string& name, Trajectories& paths,
                 std::int64_t cache_mb = no_cache_bound);

}  // namespace veer

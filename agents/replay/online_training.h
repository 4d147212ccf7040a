// Learning while acting: collect steps with the Engine, remember them, update, judge now and then, and go on
// after an interruption as if there had been none. Any learner, any world. Torch-free.
//
// Thread-safety: one training per call, on the calling thread, with the workers of the current arena.
// Determinism: the learner's state, the records and the checkpoint are functions of world, learner and
// options, for any number of threads and any interruptions; only a time budget breaks that. Without staleness
// acting and updating take turns: a step is always taken by the weights of the update before it. With it a
// step is taken by the weights of a fixed number of updates before, so that both can go on at the same time
// and the clock still decides nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "env/engine.h"
#include "env/learner.h"

namespace veer {

struct OnlineProgress {
  std::int64_t step = 0, steps = 0;             ///< user-steps taken, and to take
  double mean_return = 0.0, mean_length = 0.0;  ///< of the episodes that ended since the last report
  std::int64_t episodes = 0;
  UpdateStats stats;  ///< of the last update
  double seconds = 0.0, seconds_left = 0.0;
};

struct OnlineOptions {
  EngineOptions engine{.rows = 32, .shard_rows = 32};
  std::int64_t steps = 100'000;  ///< user-steps: one person shown one slate. Rounded up to whole collections
  std::int32_t collect = 1;      ///< engine steps between updates
  std::int32_t updates = 1;      ///< after every collection, once there is enough to learn from
  /// Collection c is made by the weights after collection c - 1 - staleness was learned from (the first ones:
  /// by the initial weights), while those between are learned from. 0 to 64.
  std::int32_t staleness = 0;
  std::int64_t replay = 100'000;         ///< transitions remembered
  std::int64_t learning_starts = 2'000;  ///< transitions collected before the first update
  /// Who acts until then; null: the learner's own policy.
  std::shared_ptr<const Policy> warm_up;
  /// User-steps between reports of figures, and of evaluations where there are any.
  std::int64_t report_every = 10'000;
  /// Judged by: a world of validation people; null: no evaluations, and the last weights are kept.
  const Scenario* evaluation = nullptr;
  std::int32_t evaluation_episodes = 256;
  std::string identity;  ///< world and agent in words: a checkpoint of another one is refused
  double budget_seconds = 0.0;
  std::filesystem::path checkpoint;  ///< empty: none. Continued from when the file exists
  double checkpoint_seconds = 300.0;
  std::function<void(const OnlineProgress&)> progress;
  /// Told of every collection, in order, before it is learned from: for logs of learning. A training that
  /// goes on from a checkpoint does not repeat what was told before.
  std::function<void(const Transitions&)> collected{};
};

struct OnlineRecord {
  std::int64_t step = 0;
  std::int64_t episodes = 0;  ///< that ended since the record before: every one of them counts
  double mean_return = 0.0, mean_length = 0.0;  ///< of these, as the learner acted; 0 when there are none
  double evaluated_return = 0.0, evaluated_length = 0.0;  ///< greedy, where there are evaluations
};

enum class OnlineEnd : std::uint8_t { all_done, budget };

struct OnlineResult {
  std::vector<OnlineRecord> records;
  std::int64_t best_step = 0;  ///< whose weights the learner holds afterwards
  OnlineEnd end = OnlineEnd::all_done;
  std::int64_t steps_here = 0;  ///< user-steps of this call
  /// Of this call. With staleness acting and updating go on side by side: their sum exceeds `seconds`.
  double seconds = 0.0, acting_seconds = 0.0, updating_seconds = 0.0, judging_seconds = 0.0;
};

/// Trains `learner` in `world`. With staleness the learner's update() runs while its snapshots act. With
/// evaluations the learner ends up with the weights of the best one (its whole state), without with the last
/// ones. Throws ConfigError for options out of range or a checkpoint of another training, what the learner
/// throws, Interrupted (after writing the checkpoint) on Ctrl-C.
OnlineResult train_online(const Scenario& world, Learner& learner, const OnlineOptions& options);

}  // namespace veer

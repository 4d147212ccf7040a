// Training a fusion agent from a log, watched by a world: what its critic believes beside what its policy
// earns. Torch-free header.
//
// Not thread-safe: one training per call, on the calling thread, with the workers of the current arena.
// Determinism: weights, records and checkpoint are functions of learner, log and options, for any number of
// threads and any interruptions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "agents/fusion/learning/fusion_learner.h"
#include "env/scenario.h"
#include "env/store/transition_file.h"

namespace veer::fusion {

/// Figures of one look at the agent.
struct LogTrainingRecord {
  std::int64_t update = 0;
  UpdateStats stats;         ///< of the last update
  double believed = 0.0;     ///< mean over starts of the log: the critic's value of what the policy would do
  double realised = 0.0;     ///< mean discounted return of the policy's best guess in the world
  double mean_return = 0.0;  ///< the same, undiscounted
  double mean_length = 0.0;
};

struct LogTrainingOptions {
  std::int64_t updates = 10'000;
  std::int64_t report_every = 1'000;
  /// Where the agent is watched; it neither learns from it nor are weights chosen by it. Null: nowhere.
  const Scenario* world = nullptr;
  std::int32_t episodes = 512;
  std::uint64_t seed = 1;
  double discount = 0.95;
  std::string identity;              ///< log and agent in words: a checkpoint of another one is refused
  std::filesystem::path checkpoint;  ///< empty: none. Continued from when the file exists
  double checkpoint_seconds = 300.0;
  std::function<void(const LogTrainingRecord&, double seconds_left)> progress{};
};

/// Trains on `log`; of a log that grows, update u of n sees the first share (u + 1) / n, at least 1,000
/// transitions. The learner holds the last weights afterwards: without the world nobody knows better ones.
/// Throws ConfigError for options out of range or a checkpoint of another training, what the learner throws,
/// Interrupted (after writing the checkpoint) on Ctrl-C.
std::vector<LogTrainingRecord> train_on_log(FusionLearner& learner, const TransitionLog& log,
                                            const LogTrainingOptions& options);

/// The largest return, discounted, that an episode of the log's world can have.
double largest_return(const TransitionManifest& manifest, double discount);
/// A critic whose mean value is above twice that, or no number, has diverged.
bool has_diverged(double mean_value, const TransitionManifest& manifest, double discount);

}  // namespace veer::fusion

// Training a path policy by ProRL: which prompts, schedule, selection on validation people, resumption.
// Torch-free header.
//
// Thread-safety: one training per call, on the calling thread, with the workers of the current arena.
// Determinism: weights, history and checkpoint are functions of start, user model, prompts, options and seed,
// for any number of threads and any interruptions. Source: Hou et al., "ProRL" (arXiv 2605.28293); the
// released code reports the last epoch after looking at the test people, here validation people choose.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "agents/generative/path_model.h"
#include "agents/prorl/prorl_update.h"
#include "env/data/path_miner.h"

namespace veer::prorl {

/// Where training's targets come from. People who are tested get uniform ones.
enum class TrainingTargets : std::uint8_t {
  uniform,  ///< any item that is not in the history, every time anew
  natural,  ///< the item that the person's own path ended with
};
inline constexpr std::string_view target_names[] = {"uniform", "natural"};

struct TrainingProgress {
  std::int64_t update = 0;  ///< 1-based
  std::int64_t updates = 0;
  UpdateStats stats;
  double best = 0.0;  ///< highest validation gain so far
  double seconds = 0.0, seconds_left = 0.0;
};

struct TrainingOptions {
  UpdateOptions update;
  std::uint64_t seed = 1;
  std::int64_t updates = 500;
  std::int32_t prompts = 64;  ///< per update
  TrainingTargets targets = TrainingTargets::uniform;
  double warm_up = 0.05;                  ///< share of the updates in which the rate rises from 0
  std::int64_t evaluate_every = 50;       ///< updates; also before the first and after the last
  std::int32_t evaluation_prompts = 512;  ///< validation prompts, greedy; at most as many as there are
  std::string reward_model;  ///< names the user model in the checkpoint: another one is another training
  bool keep_last = false;    ///< the last weights instead of those with the highest validation gain
  std::filesystem::path checkpoint;  ///< empty: none. Continued from when the file exists
  double checkpoint_seconds = 300.0;
  std::function<void(const TrainingProgress&)> progress;
};

struct Evaluation {
  std::int64_t update = 0;
  UpdateStats stats;  ///< of ProRlUpdate::evaluate, and "gain"
};

struct TrainingResult {
  PathModel model;
  std::int64_t kept_update = 0;      ///< whose weights these are
  std::vector<UpdateStats> updates;  ///< one per update
  std::vector<Evaluation> evaluations;
};

/// `training` and `validation` are people's own paths: their histories are prompts, their targets the natural
/// ones; validation prompts have uniform targets. `users` must outlive the call. The gain on validation
/// people is the sum over metrics of weight * (mean of the greedy paths - that of the start) / deviation over
/// the start's paths: 0 at the start. Throws ConfigError, DataError when there are no prompts, Error when
/// training diverges, Interrupted (after writing the checkpoint) on Ctrl-C.
TrainingResult train_prorl(const PathModel& start, const UserModel& users,
                           std::span<const PathExample> training, std::span<const PathExample> validation,
                           const TrainingOptions& options);

}  // namespace veer::prorl

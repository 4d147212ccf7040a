// Pretraining of a path model on the paths that people walked: epochs, schedule, selection on validation
// people, resumption. Torch-free header. Source: Hou et al., "ProRL" (arXiv 2605.28293), pretraining; the
// warm-up is a fraction of the planned updates here, and the weights kept are those with the lowest loss on
// validation people (the released code counts ticks and selects on the test people).
//
// Thread-safety: one training per call, on the calling thread, with the workers of the current arena.
// Determinism: weights and checkpoint are functions of data, start, options and seed, for any number of
// threads and any interruptions; only a time budget breaks that.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "agents/generative/path_imitation.h"
#include "agents/generative/path_model.h"
#include "env/data/path_miner.h"

namespace veer {

struct PretrainingProgress {
  std::int32_t epoch = 0;  ///< 1-based
  std::int32_t max_epochs = 0;
  std::int64_t update = 0;  ///< 1-based, within the epoch
  std::int64_t updates = 0;
  double loss = 0.0;       ///< nats per token, mean over the epoch so far, with dropout
  double best_loss = 0.0;  ///< on validation people; 0 before the first
  double seconds = 0.0;
  double seconds_left = 0.0;
};

struct PretrainingOptions {
  ImitationOptions imitation;
  std::uint64_t seed = 1;
  std::int32_t max_epochs = 40;
  std::int32_t patience = 8;         ///< epochs without a lower validation loss before training ends
  std::int32_t batch = 256;          ///< paths per update
  double warm_up = 0.1;              ///< share of all planned updates, after which the rate falls as a cosine
  double budget_seconds = 0.0;       ///< 0: none; what calls before spent that left the checkpoint counts
  std::filesystem::path checkpoint;  ///< empty: none. Continued from when the file exists
  double checkpoint_seconds = 300.0;
  std::function<void(const PretrainingProgress&)> progress;
};

struct PretrainingRecord {
  double loss = 0.0;        ///< nats per token on the training paths, with dropout
  double validation = 0.0;  ///< without dropout
};

enum class TrainingEnd : std::uint8_t { patience, all_done, budget };

struct PretrainingResult {
  PathModel model;  ///< the weights with the lowest validation loss
  std::vector<PretrainingRecord> history;
  std::int32_t best_epoch = 0;
  double best_loss = 0.0;
  TrainingEnd end = TrainingEnd::all_done;
};

/// Throws ConfigError for options that make no training or a checkpoint of another one, DataError when there
/// is nothing to learn from, Error when the loss is no finite number, Interrupted (after writing the
/// checkpoint) on Ctrl-C.
PretrainingResult pretrain(const PathModel& start, std::span<const PathExample> training,
                           std::span<const PathExample> validation, const PretrainingOptions& options);

}  // namespace veer

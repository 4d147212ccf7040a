// Training an offline next-item agent: updates, evaluations on validation sessions, the best weights,
// resumption. Torch-free header.
//
// Thread-safety: one training per call, on the calling thread, with the workers of the current arena.
// Determinism: weights, history and checkpoint are functions of logs, options and seed, for any number of
// threads and any interruptions; only a time budget breaks that. The released code of SQN keeps no weights
// and that of PRL the last ones; here validation sessions decide.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agents/offline/learning/offline_learner.h"
#include "agents/offline/offline_judgement.h"

namespace veer::offline {

struct OfflineProgress {
  std::int64_t update = 0;  ///< done
  std::int64_t updates = 0;
  double loss = 0.0;  ///< mean since the last evaluation
  double best = 0.0;  ///< highest validation score so far
  double seconds = 0.0, seconds_left = 0.0;
};

struct OfflineTrainingOptions {
  AgentOptions agent;
  std::uint64_t seed = 1;
  std::int64_t updates = 20000;
  std::int64_t evaluate_every = 2000;
  std::int32_t patience = 0;  ///< evaluations without a better one before training ends; 0: never
  /// Validation events that are judged at each evaluation, the first ones; 0: all.
  std::int64_t evaluation_events = 0;
  /// Means of returns that prompts divide by, [prompt_steps]; empty: those of the training sessions.
  std::vector<float> mean_returns;
  bool keep_twin = false;  ///< also hand out the other one of two networks that take turns
  std::string data;        ///< names the data set in the checkpoint: another one is another training
  double budget_seconds = 0.0;
  std::filesystem::path checkpoint;  ///< empty: none. Continued from when the file exists
  double checkpoint_seconds = 300.0;
  std::function<void(const OfflineProgress&)> progress;
};

struct OfflineEvaluation {
  std::int64_t update = 0;
  double loss = 0.0;  ///< mean of the updates since the evaluation before
  RankFigures clicks, purchases;
  /// What validation selects by: NDCG@10 of purchases, of clicks where the sessions hold no purchase.
  double score() const noexcept { return purchases.cases > 0 ? purchases.gains[1] : clicks.gains[1]; }
};

enum class OfflineEnd : std::uint8_t { all_done, patience, budget };

struct OfflineTrainingResult {
  OfflineModel model;                  ///< with the highest validation score
  std::optional<OfflineModel> twin{};  ///< the other network after the same update, where it was asked for
  std::int64_t best_update = 0;
  std::vector<OfflineEvaluation> evaluations;
  OfflineEnd end = OfflineEnd::all_done;
};

/// Throws ConfigError for options that make no training or a checkpoint of another one, DataError when there
/// is nothing to learn from or to judge by, Error when training diverges, Interrupted (after writing the
/// checkpoint) on Ctrl-C.
OfflineTrainingResult train_offline(const SessionLog& training, const SessionLog& validation,
                                    const OfflineTrainingOptions& options);

}  // namespace veer::offline

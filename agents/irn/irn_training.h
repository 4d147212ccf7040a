// Trains IRN on the logs of the people that policies learn from, with early stopping, a time budget and
// resumption. Torch-free header.
//
// Every position of a stretch of log predicts the next item, the last item stands at the end as the target
// for all of them: next-item cross-entropy over the whole catalogue, Adam with betas 0.9 and 0.98, the
// learning rate halved when the validation loss has not fallen for a while. Source: Zhu et al., "Influential
// recommender system" (ICDE 2023, arXiv 2211.10002), settings of the released code; that code cuts the logs
// once and mixes everybody's stretches into training and validation, here people are either.
//
// Thread-safety: one training per call, on the calling thread, with the workers of the current arena.
// Determinism: weights, history and checkpoint are functions of data, options and seed, for any number of
// threads and any interruptions; only a time budget breaks that.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "agents/irn/irn_model.h"
#include "env/data/dataset.h"

namespace veer::irn {

struct IrnProgress {
  std::int32_t epoch = 0;  ///< 1-based
  std::int32_t max_epochs = 0;
  std::int64_t step = 0;   ///< 1-based, within the epoch
  std::int64_t steps = 0;  ///< of this epoch
  double loss = 0.0;       ///< mean over the epoch so far, nats per item
  double best = 0.0;       ///< least validation loss; 0 before the first
  double seconds = 0.0;    ///< since the call
};

struct IrnTrainingOptions {
  IrnConfig model;  ///< items and people = 0: taken from the data set
  std::uint64_t seed = 1;
  std::int32_t shortest = 20;  ///< items of a stretch, at least; at most it has model.positions
  std::int32_t batch = 128;    ///< stretches per update
  std::int32_t max_epochs = 200;
  std::int32_t patience = 10;  ///< epochs without a smaller validation loss before training ends
  std::int32_t plateau = 4;    ///< epochs without one before the learning rate is halved
  float learning_rate = 3e-3F;
  double budget_seconds = 0.0;        ///< 0: none; what calls before spent that left the checkpoint counts
  std::filesystem::path checkpoint;   ///< empty: none. Continued from when the file exists
  double checkpoint_seconds = 300.0;  ///< also written this often within an epoch; 0: after epochs only
  std::function<void(const IrnProgress&)> progress;
};

struct IrnEpoch {
  double loss = 0.0;        ///< mean over the epoch's items, nats, with dropout
  double validation = 0.0;  ///< nats, without, of people who are not trained on
  float learning_rate = 0.0F;
};

enum class IrnEnd : std::uint8_t { patience, max_epochs, budget };

struct IrnResult {
  IrnModel model;  ///< the weights with the least validation loss
  std::vector<IrnEpoch> history;
  std::int32_t best_epoch = 0;  ///< 1-based
  double best_loss = 0.0;
  IrnEnd end = IrnEnd::max_epochs;
  double seconds = 0.0;  ///< of this call
};

/// Learns from Part::train_plan, validates on Part::validation. Throws ConfigError for options or data that
/// make no training, Error (exit code 1) when it diverges, Interrupted (after writing the checkpoint) on
/// Ctrl-C, and the errors of reading a checkpoint, ConfigError when that belongs to another training.
IrnResult train_irn(const Dataset& data, const IrnTrainingOptions& options);

}  // namespace veer::irn

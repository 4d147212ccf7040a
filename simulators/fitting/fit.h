// Fits a next-item network (SASRec, GRU4Rec) to people's logs, with early stopping, a time budget and
// resumption. Source: RecBole's training of both as ProRL uses it: full-softmax cross-entropy, Adam at 1e-3,
// stop on MRR@10.
//
// Deviation from that source: it makes one training sequence per interaction, the up to `positions` items
// before it, so an interaction is input many times over and each sequence has one target. Here every log is
// cut into disjoint windows (fit_windows.h), anew in every epoch, and every position of a window has its own
// target: each interaction is a target once per epoch, at about 1/positions of the work, and a target near
// the start of a window sees a context that is shorter than its log would allow.
//
// Thread-safety: one fit per call, on the calling thread, with the workers of the current arena. Determinism:
// weights, history and checkpoint are functions of data, options and seed, for any number of threads and any
// interruptions; only a time budget breaks that, because it ends training by the clock. Torch-free header.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "env/data/dataset.h"
#include "env/nn/sequence_model.h"
#include "simulators/fidelity.h"

namespace veer {

/// Whose interactions a model learns from, and on whose it is stopped and tested.
enum class FitPeople : std::uint8_t {
  everyone,    ///< leave-one-out: all but each person's last two items; validated on the last but one, tested
               ///< on the last
  train_plan,  ///< whole logs of Part::train_plan; validated and tested on the last items of those two parts'
               ///< people
  train_judge,  ///< the same with Part::train_judge
};

/// "all (leave-one-out)", "train_plan" or "train_judge", as model files say it.
std::string fitted_on(FitPeople people);

/// What a progress callback is told after every update.
struct FitProgress {
  std::int32_t epoch = 0;  ///< 1-based
  std::int32_t max_epochs = 0;
  std::int64_t step = 0;   ///< 1-based, within the epoch
  std::int64_t steps = 0;  ///< of this epoch
  double loss = 0.0;       ///< mean over the epoch so far, nats per target
  double mrr = 0.0;        ///< latest validation MRR@10; 0 before the first
  double best_mrr = 0.0;
  double seconds = 0.0;       ///< since the call
  double seconds_left = 0.0;  ///< of the budget where there is one, else of all epochs at the present rate
};

struct FitOptions {
  nn::SequenceConfig model;  ///< items = 0: taken from the catalogue
  FitPeople people = FitPeople::everyone;
  std::uint64_t seed = 1;
  bool resample = false;  ///< learn from people drawn with replacement by the seed (resample.h): bagging
  std::int32_t max_epochs = 100;
  std::int32_t patience = 10;   ///< epochs without a better validation MRR@10 before training ends
  double budget_seconds = 0.0;  ///< 0: none. The best weights so far are returned when it is used up; what
                                ///< calls before spent that left the checkpoint counts
  float learning_rate = 1e-3F;
  std::int64_t batch_targets = 6400;  ///< targets per update; more targets, fewer updates
  std::int32_t held_out_items = 5;    ///< last items per validation or test person when fitting by part
  std::filesystem::path checkpoint;   ///< empty: none. Continued from when the file exists
  double checkpoint_seconds = 300.0;  ///< also written this often within an epoch; 0: after epochs only
  std::function<void(const FitProgress&)> progress;
};

struct EpochRecord {
  std::int32_t epoch = 0;  ///< 1-based
  double loss = 0.0;       ///< mean cross-entropy over the epoch's targets, nats, with dropout
  double mrr = 0.0;        ///< validation MRR@10
  double recall = 0.0;     ///< validation Recall@10
  double nll = 0.0;        ///< validation, nats, without dropout
};

enum class FitEnd : std::uint8_t { patience, max_epochs, budget };

struct FitResult {
  nn::SequenceModel model;           ///< the weights with the best validation MRR@10
  std::vector<EpochRecord> history;  ///< whole epochs
  double best_mrr = 0.0;
  std::int32_t best_epoch = 0;  ///< whose weights these are; history.size() + 1 when cut off inside an epoch
  FitEnd end = FitEnd::max_epochs;
  std::int64_t targets_per_epoch = 0;
  double seconds = 0.0;  ///< of this call
  Fidelity test;         ///< of `model` on the held-out test interactions
};

/// Throws ConfigError for options or data that make no fit, Error (exit code 1) naming epoch and parameter
/// when training diverges, Interrupted (after writing the checkpoint) on Ctrl-C, and the errors of reading a
/// checkpoint, ConfigError when that belongs to another fit.
FitResult fit_sequence_model(const Dataset& data, const FitOptions& options);

}  // namespace veer

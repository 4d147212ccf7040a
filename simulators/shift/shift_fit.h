// Fits the rates of a shift_user by maximum likelihood through time: mechanism by mechanism, each kept only
// where held-out people say that it helps.
//
// The base network stays frozen. A fit climbs a ladder: calibration (the fair static baseline: same starting
// taste, scaled, with popularity), then exposure, drift, average, acceptance, forgetting, boredom,
// reactance. Every rung starts from the best parameters so far and is trained until the validation NLL stops
// falling. It stays on if the lower end of the 95 % interval of its gain, clustered by person, is above
// zero; otherwise it is off in the model that comes out, and the record says so. Reactance is tried only
// where a stated proxy for refusals exists, boredom only where attributes exist.
//
// Thread-safety: one fit per call, on the calling thread, with the workers of the current arena. Determinism:
// as simulators/fitting/fit.h: same bits for any number of threads and any interruptions; only a time budget
// breaks that. Torch-free header.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "simulators/fitting/fit.h"
#include "simulators/shift/shift_cases.h"
#include "simulators/shift/shift_user.h"

namespace veer::shift {

/// What a progress callback is told after every update.
struct ShiftProgress {
  std::string rung;        ///< mechanism that is being tried
  std::int32_t epoch = 0;  ///< 1-based, within the rung
  std::int64_t step = 0, steps = 0;
  double loss = 0.0;      ///< mean over the epoch so far, nats per event
  double best_nll = 0.0;  ///< validation; 0 before the first
  double seconds = 0.0;
};

enum class Placebo : std::uint8_t {
  none,
  shuffled,  ///< events after each cut in random order, in training and validation
};

struct ShiftFitOptions {
  FitPeople people = FitPeople::train_plan;  ///< those whose logs the base network learned from
  std::uint64_t seed = 1;
  bool resample = false;  ///< learn from people drawn with replacement by the seed: bagging. What items are
                          ///< like (popularity, attributes) stays that of the whole log
  Mechanisms mechanisms = Mechanisms::all();  ///< to be tried
  bool keep_all = false;             ///< keep every rung, whatever validation says: for studies of bias
  std::int32_t max_epochs = 12;      ///< per rung
  std::int32_t patience = 2;         ///< epochs without a better validation NLL before a rung ends
  double budget_seconds = 0.0;       ///< 0: none. The rungs decided so far are returned when it is used up;
                                     ///< what calls before spent that left the checkpoint counts
  float rate_step = 0.02F;           ///< Adam's, for single numbers
  float weight_step = 0.003F;        ///< Adam's, for matrices and networks
  std::int32_t events = 20;          ///< after a cut
  std::int32_t cuts_per_person = 4;  ///< drawn at random
  std::int32_t at_item = 0;          ///< not 0: one cut per person, after this many items, in training and
                                     ///< validation: for logs that begin with a fixed history
  std::int32_t batch_cases = 128;    ///< cases per update
  std::int32_t recent_items = 20;    ///< what counts as shown lately
  TimeUnit time = TimeUnit::steps;
  float refused_rating = 0.0F;  ///< see CaseOptions
  Placebo placebo = Placebo::none;
  std::filesystem::path checkpoint;  ///< empty: none. Continued from when the file exists
  double checkpoint_seconds = 60.0;
  std::function<void(const ShiftProgress&)> progress;
};

/// One rung of the ladder.
struct RungRecord {
  Mechanism mechanism = Mechanism::calibration;
  std::int32_t epochs = 0;
  double nll = 0.0;              ///< validation, nats per event, at the best epoch
  double gain = 0.0;             ///< over the best parameters before it, nats per event
  double low = 0.0, high = 0.0;  ///< 95 % interval of the gain, clustered by person
  bool kept = false;
  std::vector<float> free;  ///< the numbers at the best epoch
  Mechanisms on;            ///< the mechanisms of that try
};

struct ShiftFitResult {
  ShiftModel model;
  double static_nll = 0.0;  ///< validation, with nothing on
  std::vector<RungRecord> rungs;
  FitEnd end = FitEnd::patience;
  std::int64_t people = 0, people_left_out = 0;  ///< learned from; too few events for a cut
  std::int64_t events_per_epoch = 0;
  double seconds = 0.0;
  std::vector<std::string> notes;  ///< what was left out or switched off, and why
};

/// Throws ConfigError for options or data that make no fit (nobody with two events, one item, reactance or
/// days without what they need), DataError naming epoch, parameter and a remedy when numbers explode,
/// Interrupted (after writing the checkpoint) on Ctrl-C.
ShiftFitResult fit_shift_user(const Dataset& data, const nn::SequenceModel& base,
                              const ShiftFitOptions& options);

/// Mean of per-event differences with its 95 % interval clustered by person: the ratio estimator, normal.
struct ClusteredMean {
  double mean = 0.0, low = 0.0, high = 0.0;
  std::int64_t people = 0, events = 0;
};
/// `difference` by event, NaN where not counted; `cases` says whose events they are.
ClusteredMean clustered_mean(const Cases& cases, std::span<const float> difference);

}  // namespace veer::shift

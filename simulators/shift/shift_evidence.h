// What each mechanism is worth on a log: one negative log-likelihood for every model, at 0, 1, 5, 10 and 20
// events after the cut, on people nobody learned from. Beside them popularity, networks that encode the
// history anew at every event, and controls in which the gain must vanish.
//
// Thread-safety: free functions; the work is spread over the current arena. Torch-free header.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "simulators/shift/shift_fit.h"

namespace veer::shift {

struct EvidenceOptions {
  /// How the rates are fitted; people must be a training part. A second checkpoint, of the placebo's fit,
  /// stands beside fit.checkpoint with ".placebo" behind its name.
  ShiftFitOptions fit;
  std::vector<std::int32_t> after = {0, 1, 5, 10, 20};  ///< events between cut and the one predicted
  std::int32_t cuts_per_person = 3;                     ///< non-overlapping windows per test person
  float hand_rate = 0.1F;                               ///< of the hand-set exponential shift
  bool placebo = true;                                  ///< fit and measure once more on shuffled events
  /// Networks that read the whole history before every event, by name; the base network is always there.
  std::vector<std::pair<std::string, nn::SequenceModel>> encoders;
};

/// One model at one distance, or over all events of the windows.
struct EvidenceCell {
  ClusteredMean nll;     ///< nats per event
  ClusteredMean gain;    ///< nll of the static taste less this one's, pair by pair
  ClusteredMean beyond;  ///< the same against the calibrated static taste
  double mrr = 0.0;      ///< MRR@10 over the full catalogue
};

struct EvidenceRow {
  std::string model;
  std::string note;                 ///< "stays off", ...
  std::vector<EvidenceCell> cells;  ///< one per entry of `after`, then one over all events
};

struct Evidence {
  std::vector<std::int32_t> after;
  std::vector<EvidenceRow> rows;     ///< the log as it is
  std::vector<EvidenceRow> others;   ///< control: the same rates, moved by the events of other people
  std::vector<EvidenceRow> placebo;  ///< fitted and measured on events in random order; empty: not asked for
  /// What only the order of events can tell, that is, a taste that moves: gain of the full model over the
  /// calibrated static taste less the same gain in the placebo, paired by case and place; one per entry of
  /// `after`, then over all events. Empty without placebo.
  std::vector<ClusteredMean> order;
  ShiftFitResult fit;
  std::int64_t people = 0, windows = 0;
  double seconds = 0.0;
};

/// Throws what fit_shift_user() throws, and ConfigError when no test person has an event after a cut.
Evidence measure_evidence(const Dataset& data, const nn::SequenceModel& base, const EvidenceOptions& options);

}  // namespace veer::shift

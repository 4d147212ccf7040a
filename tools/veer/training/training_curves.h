// What a training says of itself, as curves for TensorBoard (`veer train ... --tensorboard DIR`).
// Thread-safety: one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/veer/figures/watching/event_file.h"

namespace veer::tools {

class TrainingCurves {
 public:
  /// Curves of `agent`, in an event file of its own below `folder`; an empty folder: nothing is written. A
  /// training that goes on from its checkpoint adds another file to the folder, and TensorBoard joins them.
  /// Throws IoError.
  TrainingCurves(std::string agent, const std::string& folder);
  /// Writes the last step. A full disk is no error any more: the training is done.
  ~TrainingCurves();
  TrainingCurves(const TrainingCurves&) = delete;
  TrainingCurves& operator=(const TrainingCurves&) = delete;

  /// One point of the curve AGENT/figure; NaN is left out. Figures of one step come one after the other. Of
  /// many steps in a row ten a second are kept, the first and the last among them. Throws IoError when the
  /// disk is full.
  void add(std::int64_t step, std::string_view figure, double value);

 private:
  using Clock = std::chrono::steady_clock;
  void write();

  std::string agent_;
  std::optional<EventFile> events_;
  std::int64_t step_ = -1;  ///< of the points that wait
  std::vector<std::pair<std::string, double>> points_;
  Clock::time_point next_ = Clock::now();
};

}  // namespace veer::tools

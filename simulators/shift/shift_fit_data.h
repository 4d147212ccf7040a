// What a fit of shift_user learns from and is judged by: training and validation cases, items, units, and the
// mechanisms that this log can say anything about. Torch-free.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "simulators/shift/shift_cases.h"
#include "simulators/shift/shift_fit.h"

namespace veer::shift {

struct FitData {
  std::shared_ptr<const Items> items;
  Units units;
  Cases training, validation;
  std::vector<Mechanism> ladder;  ///< to be tried, in order
  float days_per_step = 1.0F;
  std::int64_t people = 0, people_left_out = 0;
  std::vector<std::string> notes;
};

/// Throws ConfigError when there is nothing to learn from, in words.
FitData prepare_fit(const Dataset& data, const nn::SequenceModel& base, const ShiftFitOptions& options);

}  // namespace veer::shift

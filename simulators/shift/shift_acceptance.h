// Slope and offset that make scores acceptance probabilities. Torch-free.
#pragma once

#include <cstdint>

#include "env/data/dataset.h"
#include "simulators/shift/shift_cases.h"
#include "simulators/shift/shift_user.h"

namespace veer::shift {

/// Sets acceptance_slope and acceptance_offset of the model by logistic regression. The yes are the scored
/// events of the cases; where some events are refusals (CaseOptions::refused_rating) those are the no,
/// otherwise one item per event drawn uniformly (Philox, Stream::negative) from those the person never
/// touched. Newton's method in double on float scores.
void calibrate_acceptance(ShiftModel& model, const Dataset& data, const Cases& cases, std::uint64_t seed);

}  // namespace veer::shift

// Are the probabilities of acceptance that a user model states honest, some way into the future?
// Thread-safety: pure function; work is spread over the current arena. Torch-free.
#pragma once

#include <cstdint>
#include <vector>

#include "simulators/fidelity.h"
#include "simulators/long_run/roll.h"

namespace veer::long_run {

/// At the cut, half way through the `steps` after it and at the last of them, each after everything that
/// really happened before: the acceptance probability of the item that came next is a yes, that of an item
/// drawn uniformly from those the person never took a no (Stream::negative). Networks trained by softmax
/// state scores, not such probabilities, and are not expected to be calibrated.
Calibration calibration_after_cut(const UserModel& model, const Interactions& log,
                                  const std::vector<Start>& starts, std::int32_t steps, std::uint64_t seed);

}  // namespace veer::long_run

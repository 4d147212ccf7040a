// How much logged data lies around what people are shown: a step that nobody in the logs ever took is a place
// where a model fitted on them guesses.
//
// Thread-safety: a pure function.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/data/transitions.h"
#include "env/loop/trajectories.h"

namespace veer {

/// [steps, slots]: for each shown item the transitions in the logs that lead to it from what the person took
/// last before the step, which is what they accepted last or else the newest item of their history; 0 for an
/// empty slot. A count of neighbours in the space of pairs of items, and so a density: divide by
/// transitions() for one that adds up to 1. REQUIRES: items of the catalogue the counts are of.
std::vector<std::int32_t> step_support(const TransitionCounts& counts, const Trajectories& paths);

/// Transitions in the logs of the people that models may learn from (train_plan and train_judge); everybody's
/// in a data set without such people.
TransitionCounts learnable_transitions(const Dataset& data);

}  // namespace veer

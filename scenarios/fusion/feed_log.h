// A recorded run of a feed as a log of decisions: what was observed and earned follows from what is stored.
// Thread-safety: pure function.
#pragma once

#include "env/learner.h"
#include "env/loop/trajectories.h"
#include "scenarios/fusion/fusion.h"

namespace veer {

/// The columns that logs keep (env/store/transition_file.h), episode after episode. REQUIRES: `paths` were
/// played in `feed`: actions of its width, feedback of its slots, users of its world.
Transitions transitions_of(const FusionScenario& feed, const Trajectories& paths);

}  // namespace veer

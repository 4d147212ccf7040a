// What a run says by itself, without the data set: one value per episode and figure. What running
// leaderboards show and `veer diff` compares. Thread-safety: pure functions.
#pragma once

#include <string>
#include <vector>

#include "env/loop/trajectories.h"

namespace veer::tools {

struct RunFigure {
  std::string judge;          ///< empty: the figure is nobody's opinion
  std::string name;           ///< "ioi", "ior", "ctr"; "return", "length", "taken"
  std::vector<float> values;  ///< [episodes] NaN where it is not defined
};

/// Under every judge ioi (natural log of the target's probability, after minus before), ior (places the
/// target climbed) and ctr (mean probability of acceptance), 0 for an episode without steps, as PathMetric
/// has them; then return (sum of rewards), length (steps) and taken (share of what was shown that was
/// accepted, NaN where nothing was).
std::vector<RunFigure> run_figures(const Trajectories& paths);

}  // namespace veer::tools

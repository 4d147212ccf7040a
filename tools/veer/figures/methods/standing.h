// Who is first, and how sure that is: every pair of methods is compared, so that picking the winner
// afterwards is paid for. Thread-safety: pure functions.
#pragma once

#include <cstddef>
#include <vector>

#include "tools/veer/figures/methods/method_scores.h"

namespace veer::tools {

/// A method behind the first.
struct Rival {
  std::size_t method = 0;
  Estimate lead;   ///< of the first over it; its p is unadjusted
  double p = 0.0;  ///< after Holm's correction for all pairs of methods
};

struct Standing {
  std::size_t first = 0;      ///< place among the methods
  double mean = 0.0;          ///< of the first; NaN where no method has a value
  std::vector<Rival> rivals;  ///< by descending mean; those without one last
  /// Whether each rival is behind at the 5 % level. False without rivals.
  bool sure() const;
};

/// By the mean of a figure, higher being better, over whole episodes.
Standing standing_of(const MethodScores& scores, const CrossedBootstrap& bootstrap, std::size_t judge,
                     std::size_t figure);

}  // namespace veer::tools

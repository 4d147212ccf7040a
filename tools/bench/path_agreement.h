// Whether the engine and the straightforward way mean the same by a path's scores. Torch-free. Thread-safe.
#pragma once

#include "tools/bench/path_score_straightforward.h"
#include "tools/bench/random_paths.h"

namespace veer::bench {

/// IoI and CTR of every path within 1e-4, and every rank in [1 + #{s_j > s_g + e}, 1 + #{s_j > s_g - e}] with
/// e = 1e-5 max|s|: what rounding alone can do.
struct PathAgreement {
  double ioi = 0.0, ctr = 0.0;  ///< largest differences over paths
  double equal_ranks = 0.0;     ///< share of ranks that are the same number
  bool ranks_within = true;

  bool holds() const { return ioi <= 1e-4 && ctr <= 1e-4 && ranks_within; }
};

/// `work` holds the engine's scores; `plain` was computed with bounds.
PathAgreement compare_paths(const RandomPaths& work, const PrefixScores& plain);

}  // namespace veer::bench

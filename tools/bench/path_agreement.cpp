#include "tools/bench/path_agreement.h"

#include <algorithm>
#include <cmath>

namespace veer::bench {

PathAgreement compare_paths(const RandomPaths& work, const PrefixScores& plain) {
  const auto path_length = static_cast<std::size_t>(work.shape().length);
  PathAgreement found;
  std::int64_t equal = 0, compared = 0;
  const auto rank_agrees = [&](std::int32_t rank, std::size_t at) {
    found.ranks_within &= plain.lowest_rank[at] <= rank && rank <= plain.highest_rank[at];
    equal += rank == plain.rank[at];
    ++compared;
  };
  for (std::int32_t p = 0; p < work.paths(); ++p) {
    const auto path = static_cast<std::size_t>(p), prompt = static_cast<std::size_t>(work.prompt[path]);
    const std::size_t row = path * (path_length + 1);
    double engine_ctr = 0.0, plain_ctr = 0.0;
    rank_agrees(work.start_rank[prompt], row);
    for (std::size_t k = 0; k < path_length; ++k) {
      engine_ctr += work.acceptance[path * path_length + k];
      plain_ctr += plain.acceptance[path * path_length + k];
      rank_agrees(work.rank[path * path_length + k], row + k + 1);
      const double engine_ioi = work.interest[path * path_length + k] - work.start_interest[prompt];
      const double plain_ioi = plain.interest[row + k + 1] - plain.interest[row];
      found.ioi = std::max(found.ioi, std::abs(engine_ioi - plain_ioi));
    }
    found.ctr = std::max(found.ctr, std::abs(engine_ctr - plain_ctr) / static_cast<double>(path_length));
  }
  found.equal_ranks = static_cast<double>(equal) / static_cast<double>(compared);
  return found;
}

}  // namespace veer::bench

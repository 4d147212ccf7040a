// k-means: Lloyd's iterations from several seeded starts, of which the best is kept. The balanced variant
// gives no cluster more than ceil(n / k) points, and its assignment is the cheapest there is for the centres
// at hand (balanced_assignment.h), so that each of its iterations lowers the distortion too. Thread-safety:
// pure functions. Parallel inside; the same bytes for any number of threads. Sources: Lloyd, "Least squares
// quantization in PCM", IEEE Trans. Inf. Theory 28, 1982; Arthur and Vassilvitskii, "k-means++: the
// advantages of careful seeding", SODA 2007 (with several candidates per centre).
#pragma once

#include <cstdint>
#include <vector>

#include "env/types.h"

namespace veer::nn {

struct KMeansOptions {
  std::int32_t clusters = 256;  ///< k, at most
  std::int32_t restarts = 4;
  std::int32_t iterations = 100;  ///< per start, at most; a start ends when no point changes its cluster
  bool balanced = false;
  std::uint64_t seed = 1;
  std::uint32_t salt = 0;  ///< tells apart the fits of one seed

  static constexpr std::int32_t most_balanced_clusters = 2048;  ///< memory grows with the square
};

struct KMeansResult {
  /// [used, width]; used <= k. Fewer than k where the points do not have that many different values
  /// (balanced: where there are fewer points). Each has a point.
  std::vector<float> centres;
  std::int32_t used = 0;
  /// [n] Not balanced: the nearest centre, the lowest number on ties, by the very arithmetic of CentreBlocks.
  std::vector<std::int32_t> label;
  double distortion = 0.0;      ///< sum over the points of the squared distance to their centre
  std::int32_t restart = 0;     ///< the start it came from, 0-based
  std::int32_t iterations = 0;  ///< of that start
  bool converged = false;       ///< that start ended before its last iteration
};

/// `points`: [n, width], n >= 1, width >= 1, finite. A cluster that runs empty takes the point farthest from
/// its centre. Throws ConfigError for options out of range, Interrupted between iterations.
KMeansResult k_means(View<const float> points, const KMeansOptions& options);

/// One start from given centres, [k, width], k >= 1; `clusters`, `restarts` and the seed are not looked at.
/// Throws Interrupted.
KMeansResult k_means_from(View<const float> points, std::vector<float> first_centres,
                          const KMeansOptions& options);

}  // namespace veer::nn

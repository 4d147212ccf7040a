// Distances between two samples: how far is what simulated people did from what real people did?
//
// Thread-safety: pure functions. Determinism: sums run in index order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/types.h"

namespace veer::long_run {

/// Jensen-Shannon distance of two distributions over the same classes: the square root of the divergence in
/// bits, a metric in 0..1; 0 for equal shares, 1 where no class has weight on both sides. `p` and `q` hold
/// weights >= 0, not yet normalised. One side without any weight is 1 away from a side with some; two such
/// sides are equal. Source: Endres and Schindelin, "A new metric for probability distributions", IEEE
/// Transactions on Information Theory 49 (2003). REQUIRES: equal sizes.
double jensen_shannon(std::span<const double> p, std::span<const double> q);

/// Kolmogorov-Smirnov distance: the greatest difference between the two empirical distribution functions,
/// 0..1. An empty sample is 1 away from one that is not. REQUIRES: no NaN.
double kolmogorov_smirnov(std::vector<double> a, std::vector<double> b);

/// Square of the maximum mean discrepancy under the kernel exp(-|x - y|^2 / (2 bandwidth^2)), unbiased: its
/// expectation is 0 when both samples come from one distribution, so it can be below 0. Points are rows.
/// Source: Gretton et al., "A kernel two-sample test", JMLR 13 (2012), equation 3. REQUIRES: equal widths, at
/// least two rows on each side, bandwidth > 0.
double squared_mmd(View<const float> a, View<const float> b, double bandwidth);

/// The median heuristic: median Euclidean distance between two of the points, the mean where more than half
/// of the pairs coincide, 1 where all do. Of more than `most` points, `most` of them at even spacing are
/// taken.
double median_distance(View<const float> points, std::int32_t most = 400);

}  // namespace veer::long_run

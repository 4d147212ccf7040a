// Sends points to clusters of limited size at the least total cost. Exact: a transportation problem, solved
// by one shortest augmenting path per point, with prices that prove the optimum (the Hungarian method with
// capacities). Time: for n points and k clusters of capacity c, at most n searches of k^2 steps and updates
// of k c per cluster on the path; paths are short, so that it is closer to n k c in practice. Memory: O(k^2)
// beside the costs. Thread-safety: pure function. Source: Ahuja, Magnanti, Orlin, "Network Flows", 1993,
// §12.4; as the step of balanced k-means: Malinen and Fränti, "Balanced k-means for clustering", S+SSPR 2014.
#pragma once

#include <cstdint>
#include <vector>

#include "env/types.h"

namespace veer::nn {

struct BalancedAssignment {
  std::vector<std::int32_t> label;  ///< [n] cluster of each point
  /// [k], not negative, zero for a cluster with room left: cost(p, label[p]) + price[label[p]] <= cost(p, c)
  /// + price[c] for every point p and cluster c. That no assignment is cheaper follows.
  std::vector<double> price;
  double cost = 0.0;
};

/// `cost`: [n, k]. REQUIRES: k >= 1, capacity >= 1, n <= k * capacity, costs finite.
BalancedAssignment assign_balanced(View<const float> cost, std::int32_t capacity);

}  // namespace veer::nn

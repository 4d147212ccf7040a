// Means with intervals, and how far judges agree on an order. Pure functions; sums run in index order.
#pragma once

#include <cstdint>
#include <span>

namespace veer::tools {

/// A mean and half the width of its 95 % interval.
struct Interval {
  double mean = 0.0;
  double half_width = 0.0;  ///< 0 for fewer than two values
  std::int64_t count = 0;
};

/// Mean +- t * s / sqrt(n): s the sample standard deviation, t Student's 97.5 % quantile with n - 1 degrees
/// of freedom. Values that are not finite are left out.
Interval mean_interval(std::span<const double> values);

/// Kendall's tau-b of two equally long lists, -1..1; 0 when either is constant or shorter than two.
double kendall_tau(std::span<const double> a, std::span<const double> b);

}  // namespace veer::tools

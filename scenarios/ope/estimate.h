// What off-policy estimates have in common: a value, how sure it is, and how much data stands behind it.
//
// Every estimator here is a sum of ratios of sums over units (rows of a bandit log, trajectories otherwise):
//   value = sum_k [ sum_i numerator(i, k) / sum_i denominator(i, k) ]
// Plain estimators have one term and denominators of 1; self-normalised ones have one term per weight that is
// normalised. So one bootstrap over clusters recomputes any of them, ratio by ratio, as rewards/summary.h
// does for means, and one linearisation gives standard errors (the infinitesimal jackknife, cluster-robust).
//
// Thread-safety: none for Summariser, which is shared to keep its draws; all else pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "env/types.h"
#include "rewards/summary.h"

namespace veer::ope {

/// The sums of an estimator. REQUIRES: numerator has units * terms values, denominator as many or none (1).
struct Ratios {
  std::int64_t units = 0;
  std::int64_t terms = 1;
  std::vector<double> numerator;    ///< [units, terms]
  std::vector<double> denominator;  ///< [units, terms] or empty
};

struct Estimate {
  std::string name;
  double value = 0.0;            ///< NaN where a denominator is 0
  double standard_error = 0.0;   ///< NaN for fewer than two clusters
  double low = 0.0, high = 0.0;  ///< ends of the 95 % interval; NaN as the error, and where fewer than half
                                 ///< of the replicates are defined
  Interval interval = Interval::normal;  ///< how the ends were found
  std::vector<double> contributions;     ///< [units] their mean is the value
  double effective_sample_size = 0.0;    ///< of the weights used, see below; NaN: uses none
  double largest_share = 0.0;            ///< of one unit in the sum of the weights; NaN: uses none
};

/// (sum w)^2 / sum w^2 (Kish, "Survey sampling", 1965); 0 when all are 0.
double effective_sample_size(std::span<const double> weights) noexcept;
/// Largest weight over their sum; NaN when all are 0.
double largest_share(std::span<const double> weights) noexcept;

/// Value, error and interval of `ratios`; `weights` (one per unit, or none) are what the last two figures are
/// about. REQUIRES: clusters are empty or one per unit.
Estimate estimate_of(std::string name, const Ratios& ratios, std::span<const double> weights,
                     std::span<const UserId> clusters, Summariser& summariser);

/// Clusters numbered 0, 1, ... in the order of their first unit; each unit its own when there are none.
struct ClusterPlaces {
  std::vector<std::size_t> of_unit;
  std::size_t count = 0;
};
ClusterPlaces places_of(std::span<const UserId> clusters, std::int64_t units);

/// Ends of the central interval that holds the share `level`: percentiles over resampled clusters, or the
/// normal approximation where `summariser` says so. NaN as in Estimate.
struct Ends {
  double low = 0.0, high = 0.0;
};
Ends interval_of(const Ratios& ratios, std::span<const UserId> clusters, double level,
                 Summariser& summariser);

}  // namespace veer::ope

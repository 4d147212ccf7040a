// Whether a log says enough about a policy for importance weights to be believed.
//
// An estimate with a narrow interval can still be far off: where few rows carry all weight, the interval is
// made of the same few rows. So overlap is judged before estimates are. Thresholds are those of a deployment
// gate: an effective sample size of 1 % of the units, no unit with 5 % of the weight. Importance ratios have
// the mean 1 under the policy that acted; a smaller one means that the policy in question shows what was
// never shown (or propensities are wrong), a larger one that propensities are wrong. Thread-safety: pure but
// for the Summariser.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/ope/estimate.h"
#include "scenarios/ope/log.h"

namespace veer::ope {

struct EvidenceOptions {
  double least_ess_share = 0.01;       ///< effective sample size over units
  double most_weight_share = 0.05;     ///< of one unit in the sum of all weights
  double most_ratio_errors = 3.0;      ///< standard errors that the mean ratio may be from 1 ...
  double most_ratio_deviation = 0.01;  ///< ... once it is further than this: propensities are often rounded
};

struct Evidence {
  std::int64_t units = 0;               ///< rows, or trajectories
  double effective_sample_size = 0.0;   ///< of the ratios, or of those of whole trajectories
  double largest_share = 0.0;           ///< NaN when all are 0
  double zero_share = 0.0;              ///< of units that the policy in question would never have produced
  double mean_ratio = 0.0;              ///< of single rows or steps; 1 is expected
  double mean_ratio_error = 0.0;        ///< its standard error; NaN for fewer than two clusters
  std::int64_t longest = 1;             ///< steps of the longest trajectory
  std::int64_t usable_steps = 1;        ///< so many first steps keep to both thresholds
  std::vector<std::string> objections;  ///< in words; empty: the evidence will do

  bool enough() const noexcept { return objections.empty(); }
};

/// REQUIRES: a checked log. Throws ConfigError for thresholds that are no shares, and as cumulative_ratios().
Evidence evidence_of(const BanditLog& log, const EvidenceOptions& options, Summariser& summariser);
Evidence evidence_of(const TrajectoryLog& log, const EvidenceOptions& options, Summariser& summariser);

}  // namespace veer::ope

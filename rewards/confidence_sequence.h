// Intervals that stay valid however often one looks and whenever one stops.
//
// Source: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, "Time-uniform central limit theory and asymptotic
// confidence sequences", Annals of Statistics 52(6), 2024 (arXiv 2103.06476), theorem 2.5 in its own time:
// Robbins' normal mixture bounds the sum of n values around its mean by sqrt((V + h) ln((V + h) / (h a^2)))
// at all looks together with probability 1 - a, where V is the variance of the sum and h says where the bound
// is tightest. Here V is the cluster-robust estimate, people being the clusters. Somebody who comes back
// later makes sums at two looks more alike than the Brownian motion that the bound is made for, so by
// Slepian's lemma the largest excursion does not grow. Asymptotic: before `least_people` have come there is
// no interval. Thread-safety: none; one thread.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "env/types.h"

namespace veer {

struct ConfidenceSequenceOptions {
  double miss = 0.05;  ///< chance that any interval of the sequence misses the mean, 0..1 exclusive
  /// The bound is tightest where V has grown to so many times what it was when the first interval was found.
  double tightest_at = 4.0;
  std::int64_t least_people = 50;
};

/// What one look says.
struct Look {
  std::int64_t count = 0;   ///< values that are defined
  std::int64_t people = 0;  ///< whose they are
  double mean = 0.0;        ///< NaN where count is 0
  /// Ends of the always-valid interval; infinite while there are too few people or their values do not
  /// differ.
  double low = 0.0, high = 0.0;
  double standard_error = 0.0;  ///< of the mean, people being independent; NaN when people < 2

  double halfwidth() const noexcept { return (high - low) / 2.0; }
};

class ConfidenceSequence {
 public:
  /// Throws ConfigError for options out of their range.
  explicit ConfidenceSequence(const ConfidenceSequenceOptions& options = {});

  /// The next values; NaN: not defined, skipped. people[i]: whose value i is; -1: somebody else's than all
  /// others. REQUIRES: equal sizes.
  void add(std::span<const float> values, std::span<const UserId> people);
  /// The interval of all values so far. The first finite one decides where the sequence is tightest.
  Look look();

 private:
  struct Sums {
    double values = 0.0, count = 0.0;
  };
  ConfidenceSequenceOptions options_;
  std::unordered_map<UserId, std::size_t> places_;  ///< looked up, never walked
  std::vector<Sums> people_;                        ///< in the order of their first value
  double mixture_ = 0.0;                            ///< h; 0 before the first interval
};

}  // namespace veer

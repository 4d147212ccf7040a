// Means with intervals: how sure a comparison of policies can be.
//
// Episodes of one person are not independent of each other, so people are what intervals are about: all
// episodes of a person stay together, in the percentile bootstrap (Efron and Tibshirani, "An introduction to
// the bootstrap", 1993, chapter 13, resampling whole clusters) as in the standard error (the cluster-robust
// one of a mean). Replicate r draws its people from Philox (Stream::bootstrap) keyed by (seed, r) alone.
// Policies that played the same episodes are compared in pairs: subtract first (difference_of), then
// summarise. Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "env/types.h"

namespace veer {

enum class Interval : std::uint8_t {
  bootstrap,  ///< percentile bootstrap over people
  normal,     ///< mean +- 1.96 standard errors
  automatic,  ///< bootstrap up to 20,000 people, normal above, where both agree and only one is cheap
};
std::string_view name_of(Interval interval) noexcept;

struct SummaryOptions {
  Interval interval = Interval::automatic;
  std::int32_t replicates = 1000;
  std::uint64_t seed = 1;
};

struct Summary {
  std::int64_t count = 0;                ///< values that are defined (not NaN)
  std::int64_t people = 0;               ///< whose values those are
  double mean = 0.0;                     ///< over values; NaN when count is 0
  double standard_error = 0.0;           ///< of the mean, people being independent; NaN when people < 2
  double low = 0.0, high = 0.0;          ///< ends of the 95 % interval; NaN when people < 2
  Interval interval = Interval::normal;  ///< how the ends were found: bootstrap or normal
  double p = 0.0;  ///< two-sided, of a mean of 0, found as the ends are; NaN when people < 2
};

/// NaN values are skipped: they stand for episodes in which a metric is not defined. REQUIRES: `people` is
/// empty (every value is somebody else's) or says whose value each one is.
Summary summarise(std::span<const float> values, const SummaryOptions& options = {},
                  std::span<const UserId> people = {});

/// The same for many columns: who is drawn depends on the number of people alone, so it is drawn once and
/// kept (2 bytes per replicate and person, for up to two numbers of people). Thread-safety: none.
class Summariser {
 public:
  explicit Summariser(const SummaryOptions& options = {}) : options_(options) {}
  Summary operator()(std::span<const float> values, std::span<const UserId> people = {});

  const SummaryOptions& options() const noexcept { return options_; }
  /// Whether so many people are resampled, or the normal approximation is taken.
  bool resamples(std::size_t people) const noexcept;
  /// [replicates, people] how often each one was drawn. Valid until the next call of either kind.
  std::span<const std::uint16_t> draws(std::size_t people);

 private:
  using Weights = std::vector<std::uint16_t>;  ///< as draws() has them

  SummaryOptions options_;
  std::vector<std::pair<std::size_t, Weights>> kept_;  ///< by number of people, latest last
};

/// Linear interpolation between order statistics. REQUIRES: sorted, not empty; 0 <= q <= 1.
double quantile_of(const std::vector<double>& sorted, double q);

/// Two-sided p-value of a mean of 0 from the replicates of a bootstrap, at least 2 / (their number + 1).
/// REQUIRES: sorted, not empty.
double two_sided_p(const std::vector<double>& sorted);

/// a[i] - b[i]; NaN where either is. REQUIRES: equal sizes, the same episode at the same place.
std::vector<float> difference_of(std::span<const float> a, std::span<const float> b);

}  // namespace veer

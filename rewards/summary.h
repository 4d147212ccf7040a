// Means with intervals: how sure a comparison of policies can be.
//
// The bootstrap is the percentile bootstrap over episodes (Efron and Tibshirani, "An introduction to the
// bootstrap", 1993, chapter 13). Replicate r draws its episodes from Philox (Stream::bootstrap) keyed by
// (seed, r) alone, so two policies that played the same episodes are resampled together: subtract first
// (difference_of), then summarise. Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace veer {

enum class Interval : std::uint8_t {
  bootstrap,  ///< percentile bootstrap
  normal,     ///< mean +- 1.96 standard errors
  automatic,  ///< bootstrap up to 20,000 values, normal above, where both agree and only one is cheap
};
std::string_view name_of(Interval interval) noexcept;

struct SummaryOptions {
  Interval interval = Interval::automatic;
  std::int32_t replicates = 1000;
  std::uint64_t seed = 1;
};

struct Summary {
  std::int64_t count = 0;                ///< values that are defined (not NaN)
  double mean = 0.0;                     ///< NaN when count is 0
  double standard_error = 0.0;           ///< sample standard deviation / sqrt(count); NaN when count < 2
  double low = 0.0, high = 0.0;          ///< ends of the 95 % interval; NaN when count < 2
  Interval interval = Interval::normal;  ///< how the ends were found: bootstrap or normal
};

/// NaN values are skipped: they stand for episodes in which a metric is not defined.
Summary summarise(std::span<const float> values, const SummaryOptions& options = {});

/// a[i] - b[i]; NaN where either is. REQUIRES: equal sizes, the same episode at the same place.
std::vector<float> difference_of(std::span<const float> a, std::span<const float> b);

}  // namespace veer

// How sure one can be of methods that were trained several times: intervals over people and training seeds at
// once, and several comparisons at a time.
//
// Source: the pigeonhole bootstrap of Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2),
// 2007: people and seeds are resampled independently, a value counts as often as its person times as often as
// its seed, whose draws are stretched to the variance
// that few seeds would hide (still rough for two or three). Everybody's episodes stay together. In one
// replicate all methods meet the same people, so that differences are paired; seeds are drawn for each method
// on its own. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
// Statistics 6(2), 1979. Thread-safety: const calls are; pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/types.h"

namespace veer {

struct CrossedOptions {
  std::int32_t replicates = 4000;
  std::uint64_t seed = 1;
};

/// A mean over episodes and seeds, or a difference of two.
struct Estimate {
  double mean = 0.0;             ///< NaN where nothing is defined
  double low = 0.0, high = 0.0;  ///< ends of the 95 % percentile interval; NaN for fewer than two people
  /// Two-sided bootstrap p-value of a mean of 0, at least 2 / (replicates + 1); NaN as the ends.
  double p = 0.0;
  double standard_error = 0.0;  ///< deviation of the replicates; NaN as the ends
};

/// One metric of one method: values[s][e] of training seed s in episode e; NaN where it is not defined.
using SeedValues = std::vector<std::span<const float>>;

/// What a tail is made of.
enum class TailUnit : std::uint8_t {
  people,    ///< a person's mean, per training seed
  episodes,  ///< an episode, per training seed
};

class CrossedBootstrap {
 public:
  /// people[e]: whose episode e was; -1: somebody else's than all others. Throws ConfigError for fewer than
  /// one replicate.
  CrossedBootstrap(std::span<const UserId> people, const CrossedOptions& options = {});

  /// Mean over all defined values. `method` numbers the method: its seeds are drawn on their own.
  /// REQUIRES: at least one seed, each with a value per episode.
  Estimate mean(const SeedValues& values, std::uint32_t method) const;
  /// Mean of a minus mean of b.
  Estimate difference(const SeedValues& a, std::uint32_t method_a, const SeedValues& b,
                      std::uint32_t method_b) const;

  /// The same in two steps, for who compares one method with many: replicates of a method's mean, the value
  /// of the data last; what they say; and what those of two methods say of the difference.
  std::vector<double> replicates(const SeedValues& values, std::uint32_t method) const;
  Estimate estimate(std::vector<double> replicates) const;
  Estimate difference(std::vector<double> a, std::span<const double> b) const;

  /// The same as replicates() of the mean over the worst (lowest) `share` of the units: the conditional value
  /// at risk of Rockafellar and Uryasev, "Optimization of conditional value-at-risk", Journal of Risk 2(3),
  /// 2000. The unit at the edge counts with the part that belongs to the tail. REQUIRES: 0 < share <= 1.
  std::vector<double> worst_replicates(const SeedValues& values, std::uint32_t method, TailUnit unit,
                                       double share) const;

  std::int32_t people() const noexcept { return people_; }

 private:
  /// How often each training seed counts in replicate r; 1 in the data, which are replicate `replicates`.
  std::vector<double> seed_weights(std::size_t seeds, std::uint32_t method, std::int32_t r) const;

  CrossedOptions options_;
  std::int32_t people_ = 0;
  std::vector<std::int32_t> person_;    ///< [episodes]
  std::vector<std::uint16_t> weights_;  ///< [replicates, people] how often each one was drawn
};

/// What meeting the same people and the same noise is worth, from the replicates of two means: the variance
/// that their difference had if they were independent, over the variance it has. NaN where that is 0.
double pairing_gain(std::span<const double> a, std::span<const double> b);

/// (a - b) / a, replicate by replicate: of what became of a, the share that b does not explain.
std::vector<double> share_beyond(std::span<const double> a, std::span<const double> b);

/// Holm's adjusted p-values, in the order given. NaN stays NaN and is not counted.
std::vector<double> holm_adjusted(std::span<const double> p);

}  // namespace veer

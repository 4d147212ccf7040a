// Two groups of episodes whose people are partly the same, resampled together: in a replicate everybody
// counts as often in the one as in the other. Thread-safety: const calls are.
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "rewards/crossed.h"

namespace veer::stress {

class BothCrowds {
 public:
  /// people[e]: whose episode e of the group was.
  BothCrowds(std::span<const UserId> first, std::span<const UserId> second, const CrossedOptions& options)
      : first_(first.size()), second_(second.size()), bootstrap_(joined(first, second), options) {}

  const CrossedBootstrap& bootstrap() const noexcept { return bootstrap_; }
  /// Of the group's mean, that of the data last; NaN values are not counted. REQUIRES: a value per episode.
  std::vector<double> replicates_of_first(std::span<const float> values) const {
    std::vector<float> all(values.begin(), values.end());
    all.resize(first_ + second_, none);
    return bootstrap_.replicates({all}, 0);
  }
  std::vector<double> replicates_of_second(std::span<const float> values) const {
    std::vector<float> all(first_, none);
    all.insert(all.end(), values.begin(), values.end());
    return bootstrap_.replicates({all}, 0);
  }

 private:
  static constexpr float none = std::numeric_limits<float>::quiet_NaN();
  static std::vector<UserId> joined(std::span<const UserId> first, std::span<const UserId> second) {
    std::vector<UserId> out(first.begin(), first.end());
    out.insert(out.end(), second.begin(), second.end());
    return out;
  }

  std::size_t first_, second_;
  CrossedBootstrap bootstrap_;
};

}  // namespace veer::stress

// What slates did, episode by episode. Thread-safety: pure functions.
//
// Source of the figures: the protocol of HAC and HSRL (total reward, depth), KuaiSim (coverage, intra-list
// diversity).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "env/loop/trajectories.h"
#include "rewards/metric_columns.h"

namespace veer {

/// The columns of SlateScores, in the order they are printed.
enum class SlateMetric : std::uint8_t {
  reward,      ///< sum of the rewards of the episode
  depth,       ///< slates shown until the person left or the horizon
  per_slate,   ///< reward / depth; NaN without a slate
  click_rate,  ///< clicked / shown; NaN when nothing was shown
  diversity,  ///< 1 - mean cosine of the pairs within a slate, mean over slates; NaN without vectors or pairs
};

inline constexpr std::int32_t slate_metrics = 5;
std::string_view name_of(SlateMetric metric) noexcept;

using SlateScores = MetricColumns<SlateMetric, slate_metrics>;

/// `vectors` [N + 1, d]: of items, row 0 unused; empty: no diversity. An item without length has a cosine of
/// 0 with every other.
SlateScores score_slates(const Trajectories& episodes, View<const float> vectors = {});

/// Mean over the worst share of the people, each by the mean of their episodes; at least one person. NaN for
/// no episode. REQUIRES: one person per value; 0 < share <= 1.
double worst_people(std::span<const float> values, std::span<const UserId> people, double share);

}  // namespace veer

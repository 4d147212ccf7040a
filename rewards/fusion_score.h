// What sessions of a feed were worth, episode by episode, and what people did in them. Thread-safety: pure
// functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "env/loop/trajectories.h"
#include "rewards/metric_columns.h"

namespace veer {

/// The columns of FusionScores, in the order they are printed. Shares are NaN when nothing was shown.
enum class FusionMetric : std::uint8_t {
  worth,     ///< sum of the rewards of the episode
  pages,     ///< shown until the person left or the horizon
  per_page,  ///< worth / pages; NaN without a page
  click,     ///< share of the videos shown that was clicked
  complete,  ///< ... that was watched to the end
  like,      ///< ... that was liked
  gift,      ///< ... that brought a gift
  dislike,   ///< ... that was disliked
  left,      ///< 1 when the person ran out of patience, else 0
};

inline constexpr std::int32_t fusion_metrics = 9;
std::string_view name_of(FusionMetric metric) noexcept;

using FusionScores = MetricColumns<FusionMetric, fusion_metrics>;

/// Scores every episode of a world whose feedback has a bit per behaviour (env/behaviours.h).
FusionScores score_fusion(const Trajectories& episodes);

}  // namespace veer

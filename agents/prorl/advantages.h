// From step rewards to what each choice is to be credited with: Position-Specific Advantage Estimation and
// the estimators it is compared with. Torch-free, pure.
//
// Source: Hou et al., "ProRL" (arXiv 2605.28293), sections on the advantage and the ablation. Position t of a
// path is its item t; the decision to stop stands at position L, the number of items, with a return of 0.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "env/types.h"

namespace veer::prorl {

enum class Estimator : std::uint8_t {
  position,       ///< return to go minus its mean over the group's rollouts at that position (PSAE)
  leave_one_out,  ///< the same, the mean without the rollout itself: unbiased (n / (n - 1) times the former)
  reward_to_go,   ///< return to go, no baseline
  reinforce,      ///< the path's whole reward at every position
  group,          ///< the path's whole reward minus the group's mean, at every position (GRPO, no deviation)
  critic,         ///< return to go minus what a critic expects (A2C)
};
inline constexpr std::string_view estimator_names[] = {"position",  "leave_one_out", "reward_to_go",
                                                       "reinforce", "group",         "critic"};

/// Rollouts of prompts, `group` of each, one behind the other.
struct PathRewards {
  std::int32_t group = 1;
  std::int32_t width = 0;                ///< steps at most
  std::span<const float> rewards;        ///< [rows, width]
  std::span<const std::int32_t> length;  ///< [rows] items; a row of 0 items teaches nothing
  std::span<const std::uint8_t> ended;   ///< [rows] 1: the path ended by a decision
  double discount = 1.0;                 ///< gamma in [0, 1]
  std::span<const float> expected{};     ///< [rows, width + 1] the critic's values; Estimator::critic only
};

struct Advantages {
  std::vector<float> values;   ///< [rows, width + 1]; 0 where no choice was made
  std::vector<float> returns;  ///< [rows, width + 1] return to go at each choice, 0 at the end
  std::int64_t alone = 0;      ///< choices that no other rollout of the group shares: their advantage is 0
  double variance = 0.0;       ///< mean square over all choices
};

/// Whether row `row` made a choice at position t.
inline bool chose(const PathRewards& paths, std::int32_t row, std::int32_t t) noexcept {
  const std::int32_t length = paths.length[at(row)];
  return length > 0 && (t < length || (t == length && paths.ended[at(row)] != 0));
}

/// For `position` and `leave_one_out`, a position that one rollout alone reached has no baseline: 0, counted.
Advantages estimate_advantages(const PathRewards& paths, Estimator estimator);

}  // namespace veer::prorl

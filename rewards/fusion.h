// What a page of videos earns, and what it does to people's patience, from what they did with each video.
//
// Source: the reward of BatchRL-MTF (KDD 2022), a weighted sum of observed behaviours. The weights are ours:
// the paper's come from a regression on its own users. Thread-safety: pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "env/behaviours.h"
#include "env/reward.h"

namespace veer {

/// r = sum over slots and behaviours of worth[behaviour].
struct FusionReward {
  /// click, gift, complete, like, share, comment, follow, dislike
  std::array<float, behaviours> worth{0.1F, 2.0F, 1.0F, 0.5F, 0.5F, 0.5F, 1.0F, -1.0F};
};
float fusion_reward(const FusionReward& reward, std::span<const std::uint8_t> answers) noexcept;
/// The largest reward a page can have: no dislike, everything else in every slot.
float largest_fusion_reward(const FusionReward& reward, std::int32_t slots) noexcept;

/// A session starts with `start` of patience and ends with less than 1. A page takes `request`; a video that
/// is watched to the end gives back `relief`, one that is clicked and left takes `regret`, a dislike takes
/// `annoyance`. Never more than `start`.
struct FusionPatience {
  float start = 8.0F;
  float request = 1.0F;
  float relief = 0.5F;
  float regret = 0.5F;
  float annoyance = 1.0F;
};
float patience_after(const FusionPatience& rule, float before,
                     std::span<const std::uint8_t> answers) noexcept;

/// fusion_reward() of each row.
RewardTerm fusion_term(const FusionReward& reward, float weight = 1.0F);

}  // namespace veer

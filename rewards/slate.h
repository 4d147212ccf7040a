// What a slate earns, and what it takes from people's patience. With c clicks in a slate of K items:
//
//   mean with cost   m = (c - cost (K - c)) / K
//   sweet point      1 - |m - point|
//   mean of clicks   c / K
//   mean of behaviours   the mean over items of the weights of what was done with them
//
// Patience ("temper") starts at 20. Each step takes patience_taken() from it, at least 1; who has less than 1
// left goes. Under PatienceCost::shortfall and a reward of r per step, the n steps of somebody who left have
// taken K (n - R) + n with R the sum of their rewards: depth and total reward say the same.
//
// Sources: the environments of "Exploration and Regularization of the Latent Action Space in Recommendation"
// (HAC, WWW 2023), which "Hierarchical Semantic RL" (arXiv 2510.09167) uses unchanged: mean with cost for
// MovieLens-1M, sweet point 0.9 for RL4RS, shortfall; "KuaiSim" (NeurIPS 2023): mean of clicks or of
// behaviours, dissatisfaction and requests. Thread-safety: pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "env/behaviours.h"
#include "env/reward.h"

namespace veer {

enum class SlateRewardKind : std::uint8_t { mean_with_cost, sweet_point, mean_of_clicks, mean_of_behaviours };

struct SlateReward {
  SlateRewardKind kind = SlateRewardKind::mean_with_cost;
  float cost = 0.1F;         ///< of an item that was not clicked; not read by the last two kinds
  float sweet_point = 0.9F;  ///< only read by sweet_point
  std::array<float, behaviours> weights{};  ///< of each Behaviour; only read by mean_of_behaviours
};

/// How much patience a slate costs.
enum class PatienceCost : std::uint8_t {
  shortfall,        ///< (1 - r) K + 1: the worse the reward the more, and 1 for the time
  dissatisfaction,  ///< 2 - c / K within 0..2, with behaviours 2 - r: KuaiSim's whole session
  request,          ///< 1: a fixed number of slates (KuaiSim's request-level task)
};

/// Clicks with which nothing else was done. REQUIRES: 0 <= clicks <= slots, slots >= 1.
float slate_reward(const SlateReward& reward, std::int32_t clicks, std::int32_t slots) noexcept;
float patience_taken(PatienceCost cost, float reward, std::int32_t clicks, std::int32_t slots) noexcept;
/// What these answers earn and take; as above where only clicks count. REQUIRES: spans of one size, at
/// least 1.
float slate_reward(const SlateReward& reward, std::span<const ItemId> items,
                   std::span<const std::uint8_t> answers) noexcept;
float patience_taken(PatienceCost cost, const SlateReward& reward, std::span<const ItemId> items,
                     std::span<const std::uint8_t> answers) noexcept;
/// The least that a slate may take, whatever is answered.
float least_patience_taken(PatienceCost cost, const SlateReward& reward, std::int32_t slots) noexcept;
/// slate_reward() of 0..slots clicks.
std::vector<float> slate_worth(const SlateReward& reward, std::int32_t slots);

/// Whether somebody with so much patience goes: less than 1. Patience is a sum of multiples of 1 / (10 K)
/// kept in float; a thousandth absorbs the rounding.
constexpr bool patience_is_over(float patience) noexcept { return patience < 0.999F; }

/// Items of the row that are shown and accepted.
std::int32_t clicks_of(std::span<const ItemId> items, std::span<const std::uint8_t> answers) noexcept;

/// slate_reward() of each row; the slate is as wide as the column of items.
RewardTerm slate_term(const SlateReward& reward, float weight = 1.0F);

}  // namespace veer

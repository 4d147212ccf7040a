#include "rewards/slate.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace veer {

float slate_reward(const SlateReward& reward, std::int32_t clicks, std::int32_t slots) noexcept {
  const auto c = static_cast<float>(clicks), k = static_cast<float>(slots);
  if (reward.kind == SlateRewardKind::mean_of_clicks) return c / k;
  const float mean = (c - reward.cost * (k - c)) / k;
  return reward.kind == SlateRewardKind::mean_with_cost ? mean : 1.0F - std::abs(mean - reward.sweet_point);
}

std::vector<float> slate_worth(const SlateReward& reward, std::int32_t slots) {
  std::vector<float> out;
  for (std::int32_t clicks = 0; clicks <= slots; ++clicks) out.push_back(slate_reward(reward, clicks, slots));
  return out;
}

float patience_taken(PatienceCost cost, float reward, std::int32_t clicks, std::int32_t slots) noexcept {
  const auto c = static_cast<float>(clicks), k = static_cast<float>(slots);
  switch (cost) {
    case PatienceCost::shortfall:
      return (1.0F - reward) * k + 1.0F;
    case PatienceCost::dissatisfaction:
      return std::clamp(2.0F - c / k, 0.0F, 2.0F);
    case PatienceCost::request:
      break;
  }
  return 1.0F;
}

std::int32_t clicks_of(std::span<const ItemId> items, std::span<const std::uint8_t> answers) noexcept {
  std::int32_t clicks = 0;
  for (std::size_t k = 0; k < items.size(); ++k) {
    clicks += items[k] != no_item && (answers[k] & feedback::accepted) != 0 ? 1 : 0;
  }
  return clicks;
}

RewardTerm slate_term(const SlateReward& reward, float weight) {
  return {.name = "slate", .weight = weight, .evaluate = [reward](const RewardInputs& in, auto out) {
            for (std::int32_t row = 0; row < in.items.rows(); ++row) {
              const std::int32_t clicks = clicks_of(in.items.row(row), in.feedback.row(row));
              out[at(row)] = slate_reward(reward, clicks, in.items.width());
            }
          }};
}

}  // namespace veer

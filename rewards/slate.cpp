#include "rewards/slate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace veer {

float slate_reward(const SlateReward& reward, std::int32_t clicks, std::int32_t slots) noexcept {
  const auto c = static_cast<float>(clicks), k = static_cast<float>(slots);
  if (reward.kind == SlateRewardKind::mean_of_clicks) return c / k;
  if (reward.kind == SlateRewardKind::mean_of_behaviours) {
    return c * reward.weights[static_cast<std::size_t>(Behaviour::click)] / k;
  }
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

float slate_reward(const SlateReward& reward, std::span<const ItemId> items,
                   std::span<const std::uint8_t> answers) noexcept {
  if (reward.kind != SlateRewardKind::mean_of_behaviours) {
    return slate_reward(reward, clicks_of(items, answers), static_cast<std::int32_t>(items.size()));
  }
  float sum = 0.0F;
  for (std::size_t k = 0; k < items.size(); ++k) {
    for (std::size_t b = 0; items[k] != no_item && b < reward.weights.size(); ++b) {
      if (did(answers[k], static_cast<Behaviour>(b))) sum += reward.weights[b];
    }
  }
  return sum / static_cast<float>(items.size());
}

float patience_taken(PatienceCost cost, const SlateReward& reward, std::span<const ItemId> items,
                     std::span<const std::uint8_t> answers) noexcept {
  const float earned = slate_reward(reward, items, answers);
  if (cost == PatienceCost::dissatisfaction && reward.kind == SlateRewardKind::mean_of_behaviours) {
    return std::clamp(2.0F - earned, 0.0F, 2.0F);
  }
  return patience_taken(cost, earned, clicks_of(items, answers), static_cast<std::int32_t>(items.size()));
}

float least_patience_taken(PatienceCost cost, const SlateReward& reward, std::int32_t slots) noexcept {
  if (reward.kind == SlateRewardKind::mean_of_behaviours) {
    // The best answers: all that is worth anything is done with every item.
    std::uint8_t best = 0;
    for (std::size_t b = 0; b < reward.weights.size(); ++b) {
      if (reward.weights[b] > 0.0F)
        best = static_cast<std::uint8_t>(best | bit_of(static_cast<Behaviour>(b)));
    }
    const std::vector<ItemId> items(at(slots), 1);
    const std::vector<std::uint8_t> answers(at(slots), best);
    return patience_taken(cost, reward, items, answers);
  }
  float least = std::numeric_limits<float>::max();
  for (std::int32_t c = 0; c <= slots; ++c) {
    least = std::min(least, patience_taken(cost, slate_reward(reward, c, slots), c, slots));
  }
  return least;
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
              out[at(row)] = slate_reward(reward, in.items.row(row), in.feedback.row(row));
            }
          }};
}

}  // namespace veer

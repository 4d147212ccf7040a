#include "rewards/fusion.h"

#include <algorithm>

namespace veer {

float fusion_reward(const FusionReward& reward, std::span<const std::uint8_t> answers) noexcept {
  float sum = 0.0F;
  for (const std::uint8_t answer : answers) {
    for (std::size_t b = 0; b < reward.worth.size(); ++b) {
      if (did(answer, static_cast<Behaviour>(b))) sum += reward.worth[b];
    }
  }
  return sum;
}

float largest_fusion_reward(const FusionReward& reward, std::int32_t slots) noexcept {
  float sum = 0.0F;
  for (const float worth : reward.worth) sum += std::max(0.0F, worth);
  return sum * static_cast<float>(slots);
}

float patience_after(const FusionPatience& rule, float before,
                     std::span<const std::uint8_t> answers) noexcept {
  float patience = before - rule.request;
  for (const std::uint8_t answer : answers) {
    if (did(answer, Behaviour::complete)) {
      patience += rule.relief;
    } else if (did(answer, Behaviour::click)) {
      patience -= rule.regret;
    }
    if (did(answer, Behaviour::dislike)) patience -= rule.annoyance;
  }
  return std::min(patience, rule.start);
}

RewardTerm fusion_term(const FusionReward& reward, float weight) {
  return {.name = "behaviours", .weight = weight, .evaluate = [reward](const RewardInputs& in, auto out) {
            for (std::int32_t row = 0; row < in.feedback.rows(); ++row) {
              out[at(row)] = fusion_reward(reward, in.feedback.row(row));
            }
          }};
}

}  // namespace veer

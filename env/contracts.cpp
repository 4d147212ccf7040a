// The few lines of code that belong to the contracts themselves.
#include "env/policy.h"
#include "env/reward.h"

namespace veer {

Observation observe(const Shard& shard) noexcept {
  return {.shard_index = shard.index,
          .seed = shard.seed,
          .episode = shard.episode,
          .step = shard.step,
          .active = shard.active,
          .user = shard.user,
          .target = shard.target,
          .history = shard.history,
          .history_size = shard.history_size,
          .features = shard.features,
          .last_items = shard.items,
          .last_feedback = shard.feedback};
}

RewardInputs reward_inputs(const Shard& shard) noexcept {
  return {.items = shard.items,
          .reals = shard.reals,
          .feedback = shard.feedback,
          .probability = shard.probability,
          .last_item = shard.last_item,
          .target = shard.target,
          .interest_before = shard.interest_before,
          .interest = shard.interest,
          .rank_before = shard.rank_before,
          .rank = shard.rank,
          .step = shard.step,
          .end = shard.end,
          .history = shard.history,
          .history_size = shard.history_size,
          .features = shard.features};
}

}  // namespace veer

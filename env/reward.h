// The contract of rewards: pure functions over the columns of one step. Weights live in the scenario.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "env/batch.h"

namespace veer {

/// What a term may read: the step's columns, before and after. All views cover the whole shard.
struct RewardInputs {
  View<const ItemId> items;
  View<const float> reals;
  View<const std::uint8_t> feedback;
  View<const float> probability;
  View<const ItemId> last_item;  ///< newest history item before the step; no_item: none
  View<const ItemId> target;
  View<const float> interest_before, interest;  ///< natural log p(target)
  View<const std::int32_t> rank_before, rank;   ///< 1 = best
  View<const std::uint32_t> step;               ///< 0 for the first step of an episode
  View<const EndReason> end;
  /// Oldest first, right-padded, after the step: what was accepted in it stands at the end, in slot order.
  View<const ItemId> history{};
  View<const std::int32_t> history_size{};
  View<const float> features{};  ///< as the step left them: what a policy will observe next
};

/// Writes one value per row of the shard. Pure: no state, no randomness, no allocation that outlives the
/// call.
using RewardFunction = std::function<void(const RewardInputs&, std::span<float> out)>;

struct RewardTerm {
  std::string name;
  float weight = 1.0F;
  bool reads_interest = false;  ///< makes the engine measure interest and rank at every step
  RewardFunction evaluate;
  bool reads_acceptance =
      false;  ///< makes the engine ask for probabilities even where everything is accepted
};

RewardInputs reward_inputs(const Shard& shard) noexcept;

}  // namespace veer

// What worlds on the made-up feed have in common, row by row. Internal to scenarios/fusion.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "env/batch.h"
#include "simulators/fusion/fusion_world.h"

namespace veer {

/// Whose episodes they are; empty part: everybody's.
std::vector<UserId> feed_people(const FusionWorld& world, std::optional<Part> part);

/// One of these people by lot, without history or target; features are the profile and zeros.
void begin_feed(const FusionWorld& world, std::span<const UserId> people, std::int32_t row, Shard& shard);

/// Running mean (0.8 old + 0.2 new) of each behaviour per shown video, over one more page with these answers.
void follow_behaviours(std::span<const std::uint8_t> answers, std::span<float> means) noexcept;

/// Throws ConfigError naming lane, episode, step, task and value for a weight of the row that is not in
/// -1..1.
void check_fusion_weights(const Shard& shard, std::int32_t row);

}  // namespace veer

#include "scenarios/fusion/feed_rows.h"

#include <algorithm>
#include <string>

#include "env/error.h"

namespace veer {
namespace {

void check_weight(const Shard& shard, std::int32_t row, std::size_t task) {
  const float weight = shard.reals.row(row)[task];
  if (weight >= -1.0F && weight <= 1.0F) return;
  const std::int64_t lane = std::int64_t{shard.index} * shard.rows() + row;
  throw ConfigError(
      {{},
       0,
       "fusion weights of lane " + std::to_string(lane) + " (episode " + std::to_string(shard.episode(row)) +
           ", step " + std::to_string(shard.step(row)) + "), " + std::string(fusion_task_names[task])},
      {std::to_string(weight), "-1 to 1", "the policy breaks its contract"});
}

}  // namespace

std::vector<UserId> feed_people(const FusionWorld& world, std::optional<Part> part) {
  std::vector<UserId> out;
  for (UserId user = 0; user < world.people(); ++user) {
    if (!part || world.part(user) == *part) out.push_back(user);
  }
  return out;
}

void begin_feed(const FusionWorld& world, std::span<const UserId> people, std::int32_t row, Shard& shard) {
  const auto count = static_cast<std::uint32_t>(people.size());
  const UserId user = people[uniform_below(count, shard.key(row), Stream::begin_episode)];
  shard.user(row) = user;
  shard.target(row) = no_item;
  std::ranges::fill(shard.history.row(row), no_item);
  shard.history_size(row) = 0;
  std::ranges::fill(shard.features.row(row), 0.0F);
  std::ranges::copy(world.profile(user), shard.features.row(row).begin());
}

void follow_behaviours(std::span<const std::uint8_t> answers, std::span<float> means) noexcept {
  constexpr float kept = 0.8F;
  for (std::size_t b = 0; b < at(behaviours); ++b) {
    std::int32_t count = 0;
    for (const std::uint8_t answer : answers) count += did(answer, static_cast<Behaviour>(b)) ? 1 : 0;
    const float share = static_cast<float>(count) / static_cast<float>(answers.size());
    means[b] = kept * means[b] + (1.0F - kept) * share;
  }
}

void check_fusion_weights(const Shard& shard, std::int32_t row) {
  const std::size_t tasks = shard.reals.row(row).size();
  for (std::size_t task = 0; task < tasks; ++task) check_weight(shard, row, task);
}

}  // namespace veer

#include "scenarios/interests/interests.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "env/error.h"

namespace veer {
namespace {

/// Rows whose answer has this bit count 1.
RewardTerm counted(const char* name, float weight, std::uint8_t bit) {
  return {.name = name, .weight = weight, .evaluate = [bit](const RewardInputs& in, std::span<float> out) {
            for (std::int32_t row = 0; row < in.feedback.rows(); ++row) {
              out[at(row)] = (in.feedback(row, 0) & bit) != 0 ? 1.0F : 0.0F;
            }
          }};
}

/// Lanes of Stream::begin_episode; a direction takes one per dimension.
constexpr std::uint32_t moment_lane = 0, long_term_lane = 128;

}  // namespace

InterestScenario::InterestScenario(InterestScenarioParameters parameters)
    : parameters_(std::move(parameters)) {
  const InterestScenarioParameters& p = parameters_;
  const auto refuse = [](const char* field, const std::string& found, const char* expected) {
    throw ConfigError({{}, 0, std::string("interests: ") + field}, {found, expected, ""});
  };
  if (p.world == nullptr) refuse("world", "none", "a world");
  if (p.horizon < 1 || p.horizon > 1'000'000) refuse("horizon", std::to_string(p.horizon), "1 to 1000000");
  for (const float weight : {p.take, p.purchase}) {
    if (!std::isfinite(weight)) refuse("rewards", std::to_string(weight), "finite numbers");
  }
  users_ = make_interest_users(p.world);
  rewards_ = {counted("taken", p.take, feedback::accepted),
              counted("purchases", p.purchase, feedback::purchased)};
  const std::int32_t dimensions = p.world->parameters().dimensions;
  spec_ = {.id = "interests-v1",
           .items = p.world->parameters().items,
           .history_length = 1,
           .history_capacity = 50,
           .horizon = p.horizon,
           .slots = 1,
           .reals = dimensions,
           .features = 2 * dimensions + 1,
           .attributes = 0,
           .acceptance = Acceptance::sampled,
           .modifiers = {}};
}

void InterestScenario::begin_episode(std::int32_t row, Shard& shard) const {
  const InterestWorld& world = *parameters_.world;
  const std::size_t width = at(world.parameters().dimensions);
  const StepKey key = shard.key(row);
  shard.user(row) = 0;
  shard.target(row) = no_item;
  std::ranges::fill(shard.history.row(row), no_item);
  shard.history_size(row) = 0;
  const std::span<float> features = shard.features.row(row);
  world.draw_direction(key, moment_lane, features.first(width));
  world.draw_direction(key, long_term_lane, features.subspan(width, width));
  features[2 * width] = 0.0F;
}

void InterestScenario::present(Rows rows, Shard& shard) const {
  for (const std::int32_t row : rows) {
    if (shard.active(row) == 0) continue;
    const std::span<const float> direction = shard.reals.row(row);
    for (const float value : direction) {
      if (std::isfinite(value)) continue;
      throw ConfigError({{},
                         0,
                         "interests: action of episode " + std::to_string(shard.episode(row)) + ", step " +
                             std::to_string(shard.step(row))},
                        {std::to_string(value), "finite numbers", "the policy breaks its contract"});
    }
    shard.items(row, 0) = parameters_.world->nearest(direction);
  }
}

void InterestScenario::settle(Rows rows, Shard& shard) const {
  const InterestWorld& world = *parameters_.world;
  const std::size_t width = at(world.parameters().dimensions);
  for (const std::int32_t row : rows) {
    if (shard.active(row) == 0) continue;
    const StepKey key = shard.key(row);
    std::uint8_t& answer = shard.feedback(row, 0);
    // The place of this step's promise held the one of `delay` steps ago.
    float& promised = shard.user_state(row, static_cast<std::int32_t>(key.step) % world.parameters().delay);
    const bool buys = uniform(key, Stream::purchase) < promised;
    const std::span<float> features = shard.features.row(row);
    const std::span<float> moment = features.first(width);
    world.move(moment, (answer & feedback::accepted) != 0 ? shard.items(row, 0) : no_item, key);
    promised = world.purchase_probability(moment, features.subspan(width, width));
    if (buys) answer |= feedback::purchased;
    features[2 * width] = static_cast<float>(key.step + 1) / static_cast<float>(parameters_.horizon);
  }
}

}  // namespace veer

#include "scenarios/fusion/retention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "env/error.h"
#include "rewards/retention.h"
#include "scenarios/fusion/feed_rows.h"
#include "simulators/fusion/fusion_users.h"

namespace veer {
namespace {

/// Columns of the features behind the profile and the running means.
enum Column : std::int32_t { of_session, of_episode, worth_so_far, days_away, columns };

std::int32_t column(const FusionWorld& world, Column which) noexcept {
  return world.profile_width() + behaviours + which;
}

[[noreturn]] void reject_retention(const char* field, const std::string& found, const std::string& expected) {
  throw ConfigError({{}, 0, std::string("retention: ") + field}, {found, expected, ""});
}

}  // namespace

RetentionScenario::RetentionScenario(RetentionParameters parameters) : parameters_(std::move(parameters)) {
  const RetentionParameters& p = parameters_;
  if (p.world == nullptr) reject_retention("world", "none", "a world");
  const auto check = [](const char* field, std::int32_t value, std::int32_t most) {
    if (value >= 1 && value <= most) return;
    reject_retention(field, std::to_string(value), "1 to " + std::to_string(most));
  };
  check("slots", p.slots, p.world->items());
  check("pages", p.pages, 1'000);
  check("sessions", p.sessions, 1'000);
  if (p.returns.weights.size() != at(p.world->profile_width()) + 1) {
    reject_retention(
        "returns", std::to_string(p.returns.weights.size()) + " weights",
        std::to_string(p.world->profile_width() + 1) + ", one per value of a profile and one more");
  }
  people_ = feed_people(*p.world, p.part);
  users_ = make_fusion_users(p.world);
  rewards_.push_back(retention_term(p.pages, column(*p.world, days_away)));
  spec_ = {.id = "retention-v1",
           .items = p.world->items(),
           .history_length = 1,
           .history_capacity = 50,
           .horizon = p.pages * p.sessions,
           .slots = p.slots,
           .reals = fusion_tasks,
           .features = column(*p.world, columns),
           .attributes = 0,
           .acceptance = Acceptance::sampled,
           .modifiers = {}};
}

void RetentionScenario::begin_episode(std::int32_t row, Shard& shard) const {
  begin_feed(*parameters_.world, people_, row, shard);
}

void RetentionScenario::present(Rows rows, Shard& shard) const {
  const std::int32_t items = spec_.items;
  std::vector<std::pair<float, ItemId>> found(at(items));
  for (const std::int32_t row : rows) {
    if (shard.active(row) == 0) continue;
    check_fusion_weights(shard, row);
    const std::span<const float> weights = shard.reals.row(row);
    for (ItemId item = 1; item <= items; ++item) {
      std::array<float, fusion_tasks> predicted{};
      parameters_.world->predictions(shard.user(row), item, predicted);
      float score = 0.0F;
      for (std::size_t task = 0; task < weights.size(); ++task) score += weights[task] * predicted[task];
      found[at(item - 1)] = {-score, item};
    }
    std::partial_sort(found.begin(), found.begin() + parameters_.slots, found.end());
    for (std::int32_t k = 0; k < parameters_.slots; ++k) shard.items(row, k) = found[at(k)].second;
  }
}

void RetentionScenario::settle(Rows rows, Shard& shard) const {
  const RetentionParameters& p = parameters_;
  const std::int32_t first = p.world->profile_width();
  const auto slots = static_cast<float>(p.slots);
  for (const std::int32_t row : rows) {
    const std::span<const std::uint8_t> answers = shard.feedback.row(row);
    const std::span<float> features = shard.features.row(row);
    follow_behaviours(answers, features.subspan(at(first), at(behaviours)));
    const auto step = static_cast<std::int32_t>(shard.step(row));
    const std::int32_t page = step % p.pages, over = page + 1;
    float& worth = features[at(column(*p.world, worth_so_far))];
    worth = (worth * static_cast<float>(page) + fusion_reward(p.worth, answers) / slots) /
            static_cast<float>(over);
    if (over == p.pages) {
      const double chance = p.returns.chance(features.first(at(first)), double{worth});
      const std::int32_t day = draw_return_day(chance, shard.key(row));
      features[at(column(*p.world, days_away))] = static_cast<float>(day) / most_days_away;
      worth = 0.0F;
    }
    features[at(column(*p.world, of_session))] =
        static_cast<float>(over % p.pages) / static_cast<float>(p.pages);
    features[at(column(*p.world, of_episode))] =
        static_cast<float>(step + 1) / static_cast<float>(spec_.horizon);
  }
}

ReturnLog log_returns(const std::shared_ptr<const FusionWorld>& world, const ReturnModel& truth, Part part,
                      std::int32_t sessions, std::uint64_t seed) {
  ReturnLog out;
  out.features = world->profile_width();
  const FusionReward reward;
  for (UserId user = 0; user < world->people(); ++user) {
    if (world->part(user) != part) continue;
    const std::span<const float> profile = world->profile(user);
    for (std::int32_t s = 0; s < sessions; ++s) {
      // What random videos are worth: answers to a page, drawn as the people draw them.
      const StepKey key{seed, static_cast<EpisodeId>(user), static_cast<std::uint32_t>(s)};
      double worth = 0.0;
      constexpr std::int32_t videos = 30;
      for (std::int32_t v = 0; v < videos; ++v) {
        const auto lane = static_cast<std::uint32_t>(v * (fusion_tasks + 1));
        const auto item = static_cast<ItemId>(
            1 + uniform_below(static_cast<std::uint32_t>(world->items()), key, Stream::generate, lane));
        std::array<float, fusion_tasks> odds{};
        world->log_odds(user, item, odds);
        const auto happens = [&](std::int32_t task) {
          return uniform(key, Stream::generate, lane + 1 + static_cast<std::uint32_t>(task)) <
                 1.0F / (1.0F + std::exp(-odds[at(task)]));
        };
        if (!happens(0)) continue;
        for (std::int32_t b = 0; b < behaviours; ++b) {
          if (b == 0 || happens(b)) worth += double{reward.worth[at(b)]} / videos;
        }
      }
      out.people.insert(out.people.end(), profile.begin(), profile.end());
      out.worth.push_back(static_cast<float>(worth));
      out.day.push_back(draw_return_day(truth.chance(profile, worth), key));
    }
  }
  return out;
}

}  // namespace veer

#include "scenarios/fusion/fusion.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "env/error.h"
#include "scenarios/fusion/feed_rows.h"
#include "simulators/fusion/fusion_users.h"

namespace veer {
namespace {

[[noreturn]] void reject_fusion_world(const char* field, const std::string& found,
                                      const std::string& expected) {
  throw ConfigError({{}, 0, std::string("fusion: ") + field}, {found, expected, ""});
}

}  // namespace

FusionScenario::FusionScenario(FusionParameters parameters) : parameters_(std::move(parameters)) {
  const FusionParameters& p = parameters_;
  if (p.world == nullptr) reject_fusion_world("world", "none", "a world");
  const auto check = [](const char* field, std::int32_t value, std::int32_t least, std::int32_t most) {
    if (value >= least && value <= most) return;
    reject_fusion_world(field, std::to_string(value), std::to_string(least) + " to " + std::to_string(most));
  };
  check("candidates", p.candidates, 1, p.world->items());
  check("slots", p.slots, 1, p.candidates);
  check("horizon", p.horizon, 1, 1'000'000);
  if (!(p.offset > 0.0F) || !std::isfinite(p.offset)) {
    reject_fusion_world("offset", std::to_string(p.offset), "a number above 0");
  }
  if (!(p.patience.start >= 1.0F) || !std::isfinite(p.patience.start)) {
    reject_fusion_world("patience", std::to_string(p.patience.start), "a number of at least 1");
  }
  for (const float worth : p.reward.worth) {
    if (!std::isfinite(worth)) reject_fusion_world("reward", std::to_string(worth), "finite numbers");
  }
  people_ = feed_people(*p.world, p.part);
  users_ = make_fusion_users(p.world);
  rewards_.push_back(fusion_term(p.reward));
  spec_ = {.id = "fusion-v1",
           .items = p.world->items(),
           .history_length = 1,
           .history_capacity = 50,
           .horizon = p.horizon,
           .slots = p.slots,
           .reals = fusion_tasks,
           .features = p.world->profile_width() + behaviours + 1,
           .attributes = 0,
           .acceptance = Acceptance::sampled,
           .modifiers = {}};
}

void FusionScenario::begin_episode(std::int32_t row, Shard& shard) const {
  begin_feed(*parameters_.world, people_, row, shard);
  shard.patience(row) = parameters_.patience.start;
}

void FusionScenario::first_features(UserId user, std::span<float> features) const noexcept {
  std::ranges::fill(features, 0.0F);
  std::ranges::copy(parameters_.world->profile(user), features.begin());
}

void FusionScenario::next_features(std::span<const std::uint8_t> answers, std::int64_t page,
                                   std::span<float> features) const noexcept {
  const std::size_t first = at(parameters_.world->profile_width());
  follow_behaviours(answers, features.subspan(first, at(behaviours)));
  features[first + at(behaviours)] = static_cast<float>(page + 1) / static_cast<float>(parameters_.horizon);
}

ItemId FusionScenario::candidate(const StepKey& key, std::int32_t c) const noexcept {
  // One of each stretch of the catalogue: they differ without a look at one another.
  const std::int64_t items = spec_.items, all = parameters_.candidates;
  const std::int64_t first = c * items / all, past = (c + 1) * items / all;
  const std::uint32_t place = uniform_below(static_cast<std::uint32_t>(past - first), key, Stream::scenario,
                                            static_cast<std::uint32_t>(c));
  return static_cast<ItemId>(1 + first + place);
}

void FusionScenario::present(Rows rows, Shard& shard) const {
  struct Candidate {
    float score;
    ItemId item;
  };
  std::vector<Candidate> found(at(parameters_.candidates));
  for (const std::int32_t row : rows) {
    if (shard.active(row) == 0) continue;
    const std::span<const float> weights = shard.reals.row(row);
    check_fusion_weights(shard, row);
    for (std::int32_t c = 0; c < parameters_.candidates; ++c) {
      Candidate& each = found[at(c)];
      each = {0.0F, candidate(shard.key(row), c)};
      float predicted[fusion_tasks];
      parameters_.world->predictions(shard.user(row), each.item, predicted);
      for (std::size_t task = 0; task < weights.size(); ++task) {
        each.score += weights[task] * std::log(predicted[task] + parameters_.offset);
      }
    }
    std::partial_sort(found.begin(), found.begin() + parameters_.slots, found.end(),
                      [](const Candidate& a, const Candidate& b) {
                        return a.score > b.score || (a.score == b.score && a.item < b.item);
                      });
    for (std::int32_t k = 0; k < parameters_.slots; ++k) shard.items(row, k) = found[at(k)].item;
  }
}

void FusionScenario::settle(Rows rows, Shard& shard) const {
  for (const std::int32_t row : rows) {
    const std::span<const std::uint8_t> answers = shard.feedback.row(row);
    shard.patience(row) = patience_after(parameters_.patience, shard.patience(row), answers);
    next_features(answers, shard.step(row), shard.features.row(row));
  }
}

EndReason FusionScenario::end_of(std::int32_t row, const Shard& shard) const {
  return shard.patience(row) < 1.0F ? EndReason::user_left : EndReason::running;
}

}  // namespace veer

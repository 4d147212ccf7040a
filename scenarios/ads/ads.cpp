#include "scenarios/ads/ads.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "env/error.h"

namespace veer {
namespace {

constexpr float ads_kept = 0.8F;  ///< of the running means, per page

[[noreturn]] void refuse_ads(const std::string& field, const std::string& found,
                             const std::string& expected) {
  throw ConfigError({{}, 0, "ads: " + field}, {found, expected, ""});
}

/// Sum over the slots that were clicked of what `worth` says of the item.
template <class Worth>
RewardTerm clicked_worth(const char* name, float weight, const Worth& worth) {
  return {.name = name, .weight = weight, .evaluate = [worth](const RewardInputs& in, std::span<float> out) {
            for (std::int32_t row = 0; row < in.items.rows(); ++row) {
              out[at(row)] = 0.0F;
              for (std::int32_t slot = 0; slot < in.items.width(); ++slot) {
                const ItemId item = in.items(row, slot);
                const bool clicked = (in.feedback(row, slot) & feedback::accepted) != 0;
                if (item != no_item && clicked) out[at(row)] += worth(item);
              }
            }
          }};
}

}  // namespace

AdsScenario::AdsScenario(AdsParameters parameters) : parameters_(std::move(parameters)) {
  const AdsParameters& p = parameters_;
  if (p.world == nullptr) refuse_ads("world", "none", "a world");
  const AdsWorldParameters& world = p.world->parameters();
  const auto check = [](const char* field, std::int32_t value, std::int32_t least, std::int32_t most) {
    if (value >= least && value <= most) return;
    refuse_ads(field, std::to_string(value), std::to_string(least) + " to " + std::to_string(most));
  };
  check("slots", p.slots, 1, std::min(8, world.ads));
  check("candidates", p.candidates, p.slots, world.items);
  check("horizon", p.horizon, 1, 1'000'000);
  if (!(p.patience > 0.0F) || !std::isfinite(p.patience)) {
    refuse_ads("patience", std::to_string(p.patience), "a number above 0");
  }
  for (const float weight : {p.revenue, p.experience}) {
    if (!std::isfinite(weight)) refuse_ads("weights", std::to_string(weight), "finite numbers");
  }
  users_ = make_ads_users(p.world);
  rewards_.push_back(
      clicked_worth("revenue", p.revenue, [known = p.world](ItemId item) { return known->bid(item); }));
  rewards_.push_back(clicked_worth("experience", p.experience,
                                   [known = p.world](ItemId item) { return known->substance(item); }));
  spec_ = {.id = "ads-v1",
           .items = p.world->catalogue(),
           .history_length = 1,
           .history_capacity = 50,
           .horizon = p.horizon,
           .slots = p.slots,
           .reals = p.slots + p.candidates,
           .features = ads_state_width + 2 * (p.candidates + p.slots),
           .attributes = 0,
           .acceptance = Acceptance::sampled,
           .modifiers = {}};
}

void AdsScenario::request(const StepKey& key, UserId user, std::vector<ItemId>& out) const {
  const AdsWorld& world = *parameters_.world;
  out.clear();
  // One of each stretch of the catalogue: they differ without a look at one another.
  const auto draw = [&](std::int64_t count, std::int64_t all, std::int64_t before, std::uint32_t lane) {
    for (std::int64_t c = 0; c < count; ++c) {
      const std::int64_t first = c * all / count, past = (c + 1) * all / count;
      const std::uint32_t place = uniform_below(static_cast<std::uint32_t>(past - first), key,
                                                Stream::scenario, lane + static_cast<std::uint32_t>(c));
      out.push_back(static_cast<ItemId>(before + 1 + first + place));
    }
  };
  const std::int32_t items = world.parameters().items;
  draw(parameters_.candidates, items, 0, 0);
  draw(parameters_.slots, world.parameters().ads, items, 1U << 16);
  std::stable_sort(out.begin() + parameters_.candidates, out.end(), [&](ItemId a, ItemId b) {
    return world.bid(a) * world.appeal_to(user, a) > world.bid(b) * world.appeal_to(user, b);
  });
}

void AdsScenario::show_request(std::int32_t row, Shard& shard, const StepKey& key) const {
  std::vector<ItemId> offered;
  request(key, shard.user(row), offered);
  const AdsWorld& world = *parameters_.world;
  std::size_t next = at(ads_state_width);
  const std::span<float> features = shard.features.row(row);
  for (const ItemId item : offered) {
    features[next++] = world.appeal_to(shard.user(row), item);
    features[next++] = world.is_ad(item) ? world.bid(item) : world.substance(item);
  }
}

void AdsScenario::begin_episode(std::int32_t row, Shard& shard) const {
  const auto people = static_cast<std::uint32_t>(parameters_.world->parameters().people);
  shard.user(row) = static_cast<UserId>(uniform_below(people, shard.key(row), Stream::begin_episode));
  shard.target(row) = no_item;
  std::ranges::fill(shard.history.row(row), no_item);
  shard.history_size(row) = 0;
  shard.patience(row) = parameters_.patience;
  const std::span<float> features = shard.features.row(row);
  std::ranges::fill(features, 0.0F);
  features[0] = 1.0F;
  show_request(row, shard, shard.key(row));
}

void AdsScenario::present(Rows rows, Shard& shard) const {
  std::vector<ItemId> offered;
  std::vector<std::int32_t> order(at(parameters_.candidates));
  for (const std::int32_t row : rows) {
    if (shard.active(row) == 0) continue;
    const std::span<const float> reals = shard.reals.row(row);
    for (std::size_t i = 0; i < reals.size(); ++i) {
      if (std::isfinite(reals[i])) continue;
      refuse_ads("action of episode " + std::to_string(shard.episode(row)) + ", step " +
                     std::to_string(shard.step(row)) + ", place " + std::to_string(i),
                 std::to_string(reals[i]), "a finite number: the policy breaks its contract");
    }
    request(shard.key(row), shard.user(row), offered);
    const std::span<const float> scores = reals.subspan(at(parameters_.slots));
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order,
                             [&](std::int32_t a, std::int32_t b) { return scores[at(a)] > scores[at(b)]; });
    std::size_t next_item = 0, next_ad = at(parameters_.candidates);
    for (std::int32_t slot = 0; slot < parameters_.slots; ++slot) {
      shard.items(row, slot) = reals[at(slot)] > 0.0F ? offered[next_ad++] : offered[at(order[next_item++])];
    }
  }
}

void AdsScenario::settle(Rows rows, Shard& shard) const {
  const AdsWorld& world = *parameters_.world;
  for (const std::int32_t row : rows) {
    if (shard.active(row) == 0) continue;
    const std::span<const ItemId> page = shard.items.row(row);
    const std::span<const std::uint8_t> answers = shard.feedback.row(row);
    shard.patience(row) =
        std::min(parameters_.patience, shard.patience(row) + world.patience_moved(page, answers));
    float ads = 0.0F, clicks = 0.0F;
    for (std::size_t k = 0; k < page.size(); ++k) {
      if (world.is_ad(page[k])) {
        ads += 1.0F;
      } else if ((answers[k] & feedback::accepted) != 0) {
        clicks += 1.0F;
      }
    }
    const std::span<float> features = shard.features.row(row);
    const auto slots = static_cast<float>(parameters_.slots);
    StepKey next = shard.key(row);
    ++next.step;
    features[0] = shard.patience(row) / parameters_.patience;
    features[1] = ads_kept * features[1] + (1.0F - ads_kept) * ads / slots;
    features[2] = ads_kept * features[2] + (1.0F - ads_kept) * clicks / slots;
    features[3] = static_cast<float>(next.step) / static_cast<float>(parameters_.horizon);
    show_request(row, shard, next);
  }
}

EndReason AdsScenario::end_of(std::int32_t row, const Shard& shard) const {
  return shard.patience(row) <= 0.0F ? EndReason::user_left : EndReason::running;
}

}  // namespace veer

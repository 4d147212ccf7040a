#include "simulators/ads/ads_world.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "env/error.h"
#include "env/random.h"

namespace veer {
namespace {

/// Episodes of Stream::initialise: who draws. Numbers are part of what a world's seed means.
enum AdsDraw : std::uint32_t { ads_appeal = 0, ads_worth = 1, ads_topic = 2, ads_taste = 3, ads_eager = 4 };

float logistic_of(float x) noexcept { return 1.0F / (1.0F + std::exp(-x)); }

class AdsUsers final : public UserModel {
 public:
  explicit AdsUsers(std::shared_ptr<const AdsWorld> world) : world_(std::move(world)) {
    spec_ = {.kind = "ads", .items = world_->catalogue(), .state_width = 0, .positions = 0, .modifiers = {}};
  }
  const UserModelSpec& spec() const noexcept override { return spec_; }
  void begin(Rows, Shard&, Workspace&) const override {}

  void choose(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t row : rows) {
      for (std::int32_t slot = 0; slot < shard.items.width(); ++slot) {
        const ItemId item = shard.items(row, slot);
        const float p =
            item == no_item ? 0.0F : world_->look(slot) * world_->appeal_to(shard.user(row), item);
        shard.probability(row, slot) = p;
        const float u = uniform(shard.key(row), Stream::choice, static_cast<std::uint32_t>(slot));
        shard.feedback(row, slot) = u < p ? feedback::accepted : feedback::refused;
      }
    }
  }
  void advance(Rows, Shard&, Workspace&) const override {}
  void copy_state(Rows, Rows, Shard&, Workspace&) const override {}
  void measure(Rows, Shard&, Workspace&) const override { refuse_target(); }
  void propose(Rows, Shard&, Workspace&, View<ItemId>) const override { refuse_target(); }
  void score_paths(const PathQuery&, const PathScores&, Workspace&) const override { refuse_target(); }

 private:
  [[noreturn]] static void refuse_target() {
    throw ConfigError({{}, 0, "ads-v1"}, {"a question about the interest in a target", "pages with ads",
                                          "people of this world have no target"});
  }
  std::shared_ptr<const AdsWorld> world_;
  UserModelSpec spec_;
};

}  // namespace

AdsWorld::AdsWorld(const AdsWorldParameters& parameters) : parameters_(parameters) {
  const AdsWorldParameters& p = parameters_;
  const auto check = [](const char* field, double value, double least, double most) {
    if (value >= least && value <= most) return;
    throw ConfigError({{}, 0, std::string("ads world: ") + field},
                      {std::to_string(value), std::to_string(least) + " to " + std::to_string(most), ""});
  };
  check("items", p.items, 1, 1e6);
  check("ads", p.ads, 1, 1e6);
  check("people", p.people, 1, 1e7);
  check("topics", p.topics, 1, 64);
  check("look", double{p.look}, 1e-6, 1);
  check("bait", double{p.bait}, 0, 1);
  check("glad", double{p.glad}, 0, 1e6);
  check("annoyance", double{p.annoyance}, 0, 1e6);
  check("crowding", double{p.crowding}, 0, 1e6);
  const auto key = [&](AdsDraw draw, std::int32_t index) {
    return StepKey{p.seed, draw, static_cast<std::uint32_t>(index)};
  };
  for (std::int32_t i = 0; i < catalogue(); ++i) {
    const float worth = normal(key(ads_worth, i), Stream::initialise);
    const float own = normal(key(ads_appeal, i), Stream::initialise);
    const bool ad = i >= p.items;
    // An item appeals for what it lacks in substance; an ad is clicked a good deal less than an item.
    appeal_.push_back(ad ? -1.5F + 0.7F * own
                         : -0.5F - p.bait * worth + std::sqrt(1.0F - p.bait * p.bait) * own);
    worth_.push_back(ad ? std::exp(0.5F * worth) : logistic_of(1.5F * worth));
    topic_.push_back(static_cast<std::int32_t>(
        uniform_below(static_cast<std::uint32_t>(p.topics), key(ads_topic, i), Stream::initialise)));
  }
  for (UserId user = 0; user < p.people; ++user) {
    for (std::int32_t t = 0; t < p.topics; ++t) {
      tastes_.push_back(normal(key(ads_taste, user), Stream::initialise, static_cast<std::uint32_t>(t)));
    }
    eagerness_.push_back(0.5F * normal(key(ads_eager, user), Stream::initialise));
  }
}

float AdsWorld::appeal_to(UserId user, ItemId item) const noexcept {
  const std::size_t i = at(item) - 1;
  const float match = tastes_[at(user) * at(parameters_.topics) + at(topic_[i])];
  return logistic_of(appeal_[i] + match + eagerness_[at(user)]);
}

float AdsWorld::look(std::int32_t slot) const noexcept {
  return std::pow(parameters_.look, static_cast<float>(slot));
}

float AdsWorld::patience_moved(std::span<const ItemId> page,
                               std::span<const std::uint8_t> answers) const noexcept {
  const AdsWorldParameters& p = parameters_;
  float moved = -1.0F;
  for (std::size_t k = 0; k < page.size(); ++k) {
    if (page[k] == no_item) continue;
    if (!is_ad(page[k])) {
      if ((answers[k] & feedback::accepted) != 0) moved += p.glad * substance(page[k]);
      continue;
    }
    moved -= p.annoyance * look(static_cast<std::int32_t>(k));
    if (k > 0 && is_ad(page[k - 1])) moved -= p.crowding;
  }
  return moved;
}

std::unique_ptr<UserModel> make_ads_users(std::shared_ptr<const AdsWorld> world) {
  return std::make_unique<AdsUsers>(std::move(world));
}

}  // namespace veer

// ads-v1: pages, clicks and patience by hand; that ads earn now and cost people later.
#include "scenarios/ads/ads.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <set>
#include <vector>

#include "agents/ads/cross_dqn.h"
#include "agents/ads/page_baselines.h"
#include "agents/replay/online_training.h"
#include "env/engine.h"
#include "env/error.h"
#include "tests/conformance/conformance.h"
#include "tests/test.h"

namespace veer {
namespace {

using doctest::Approx;

std::shared_ptr<const AdsWorld> small_ads_world() {
  return std::make_shared<AdsWorld>(AdsWorldParameters{.items = 40, .ads = 12, .people = 30});
}

AdsParameters small_pages(float experience = 1.0F) {
  AdsParameters p;
  p.world = small_ads_world();
  p.candidates = 4;
  p.slots = 3;
  p.horizon = 10;
  p.patience = 3.0F;
  p.experience = experience;
  return p;
}

ads::PageLayout layout_of(const AdsScenario& world) {
  return {.slots = world.spec().slots, .candidates = world.parameters().candidates, .state = ads_state_width};
}

Trajectories played_pages(const AdsScenario& world, const Policy& policy, std::int32_t episodes) {
  std::vector<EpisodeId> ids(at(episodes));
  std::iota(ids.begin(), ids.end(), EpisodeId{0});
  Engine engine(world, policy.spec(), {.rows = 256, .shard_rows = 64, .seed = 3});
  return engine.evaluate(policy, Mode::greedy, ids);
}

double mean_of_returns(const Trajectories& t) {
  return std::accumulate(t.episode_return.begin(), t.episode_return.end(), 0.0) /
         static_cast<double>(t.episodes());
}

TEST_CASE("pages with ads conform, and so do the policies that fill them") {
  const AdsScenario world(small_pages());
  const ads::PageLayout layout = layout_of(world);
  CHECK(layout.features() == world.spec().features);
  CHECK(layout.reals() == world.spec().reals);
  conformance::check_scenario(world, ads::make_random_pages(layout));
  conformance::check_policy(*ads::make_random_pages(layout), world);
  conformance::check_policy(*ads::make_fixed_mask(layout, 4), world);
  conformance::check_policy(*ads::make_greedy_revenue(layout, 0.85F), world);
  ads::CrossDqnOptions options;
  options.layout = layout;
  conformance::check_policy(*ads::CrossDqnLearner(options, 1).snapshot(), world);
}

TEST_CASE("a page is items by score with the ads, by predicted revenue, in the slots of the mask") {
  const AdsScenario world(small_pages());
  const ads::PageLayout layout = layout_of(world);
  const Trajectories all = played_pages(world, *ads::make_fixed_mask(layout, 0b101), 20);
  std::vector<ItemId> offered;
  const AdsWorld& truth = *world.parameters().world;
  for (std::int32_t e = 0; e < 20; ++e) {
    const UserId user = all.episode_user[at(e)];
    world.request({3, static_cast<EpisodeId>(e), 0}, user, offered);
    CHECK(std::set<ItemId>(offered.begin(), offered.end()).size() == 7);
    ItemId best_ad = offered[4], best_item = offered[0];
    for (std::size_t i = 0; i < 7; ++i) {
      CHECK(truth.is_ad(offered[i]) == (i >= 4));
      ItemId& best = i < 4 ? best_item : best_ad;
      const auto score = [&](ItemId item) {
        return truth.appeal_to(user, item) * (truth.is_ad(item) ? truth.bid(item) : 1.0F);
      };
      if (score(offered[i]) > score(best)) best = offered[i];
    }
    const std::size_t first = at(all.first_step[at(e)]) * 3;
    CHECK(all.items[first] == best_ad);
    CHECK(all.items[first + 1] == best_item);
    CHECK(truth.is_ad(all.items[first + 2]));
  }
}

TEST_CASE("patience by hand") {
  const auto world = small_ads_world();
  const AdsWorldParameters& p = world->parameters();
  const ItemId ad = p.items + 1;
  constexpr std::uint8_t yes = feedback::accepted, no = feedback::refused;
  const std::vector<ItemId> plain{1, 2, 3}, mixed{ad, 1, ad + 1}, crowded{1, ad, ad + 1};
  const float look = p.look;
  CHECK(world->patience_moved(plain, std::vector<std::uint8_t>{no, no, no}) == Approx(-1.0));
  CHECK(world->patience_moved(plain, std::vector<std::uint8_t>{yes, no, yes}) ==
        Approx(-1.0F + p.glad * (world->substance(1) + world->substance(3))));
  CHECK(world->patience_moved(mixed, std::vector<std::uint8_t>{yes, yes, no}) ==
        Approx(-1.0F + p.glad * world->substance(1) - p.annoyance * (1.0F + look * look)));
  CHECK(world->patience_moved(crowded, std::vector<std::uint8_t>{no, no, no}) ==
        Approx(-1.0F - p.annoyance * (look + look * look) - p.crowding));
  CHECK(world->bid(1) == 0.0F);
  CHECK(world->substance(ad) == 0.0F);
}

TEST_CASE("rewards are what was clicked, and people click as they are foretold to") {
  AdsParameters p = small_pages(0.0F);
  p.horizon = 1;
  const AdsScenario earns(p);
  p.revenue = 0.0F;
  p.experience = 1.0F;
  const AdsScenario pleases(p);
  const ads::PageLayout layout = layout_of(earns);
  const auto policy = ads::make_fixed_mask(layout, 0b010);
  constexpr std::int32_t episodes = 30'000;
  const Trajectories revenue = played_pages(earns, *policy, episodes);
  const Trajectories pleasure = played_pages(pleases, *policy, episodes);
  double earned = 0.0, pleased = 0.0;
  const AdsWorld& truth = *p.world;
  for (std::size_t e = 0; e < at(episodes); ++e) {
    const UserId user = revenue.episode_user[e];
    const ItemId* const page = &revenue.items[at(revenue.first_step[e]) * 3];
    earned += double{truth.look(1) * truth.appeal_to(user, page[1]) * truth.bid(page[1])};
    for (const std::int32_t k : {0, 2}) {
      pleased += double{truth.look(k) * truth.appeal_to(user, page[k]) * truth.substance(page[k])};
    }
  }
  CHECK(mean_of_returns(revenue) == Approx(earned / episodes).epsilon(0.03));
  CHECK(mean_of_returns(pleasure) == Approx(pleased / episodes).epsilon(0.03));
}

TEST_CASE("more ads, shorter sessions") {
  const AdsScenario world(small_pages());
  const ads::PageLayout layout = layout_of(world);
  double before = 1e9;
  for (const std::int32_t mask : {0b000, 0b100, 0b101, 0b111}) {
    const Trajectories all = played_pages(world, *ads::make_fixed_mask(layout, mask), 2000);
    const double length = std::accumulate(all.length.begin(), all.length.end(), 0.0) / 2000.0;
    CHECK(length < before);
    before = length;
  }
}

TEST_CASE("in a world whose best mask is known, the agents that learn while they act find it") {
  // Nobody minds an ad, so all slots go to ads; or ads earn nothing, so none does.
  for (const bool ads_pay : {true, false}) {
    AdsParameters p = small_pages(ads_pay ? 0.0F : 1.0F);
    p.world = std::make_shared<AdsWorld>(AdsWorldParameters{
        .items = 40, .ads = 12, .people = 30, .glad = 0.0F, .annoyance = 0.0F, .crowding = 0.0F});
    p.revenue = ads_pay ? 1.0F : 0.0F;
    const AdsScenario world(p);
    ads::CrossDqnOptions options;
    options.layout = layout_of(world);
    options.rate = 3e-3F;
    ads::CrossDqnLearner learner(options, 1);
    OnlineOptions online;
    online.steps = 32'000;
    online.replay = 20'000;
    online.learning_starts = 500;
    (void)train_online(world, learner, online);
    const double best =
        mean_of_returns(played_pages(world, *ads::make_fixed_mask(options.layout, ads_pay ? 7 : 0), 1000));
    const double other =
        mean_of_returns(played_pages(world, *ads::make_fixed_mask(options.layout, 0b010), 1000));
    const double found = mean_of_returns(played_pages(world, *learner.snapshot(), 1000));
    CAPTURE(ads_pay);
    CHECK(found > best - 0.15 * (best - other));
  }
}

TEST_CASE("pages that cannot be are explained") {
  AdsParameters p = small_pages();
  p.slots = 9;
  CHECK_THROWS_WITH_AS(AdsScenario{p}, doctest::Contains("slots"), ConfigError);
  p = small_pages();
  p.candidates = 2;
  CHECK_THROWS_WITH_AS(AdsScenario{p}, doctest::Contains("candidates"), ConfigError);
  p = small_pages();
  p.world = nullptr;
  CHECK_THROWS_WITH_AS(AdsScenario{p}, doctest::Contains("world"), ConfigError);
  CHECK_THROWS_WITH_AS(AdsWorld({.look = 0.0F}), doctest::Contains("look"), ConfigError);
}

}  // namespace
}  // namespace veer

// Random, popular and nearest against hand-made cases, and random against its distribution.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "agents/baselines/nearest_items.h"
#include "agents/baselines/popular_items.h"
#include "agents/baselines/random_items.h"
#include "agents/baselines/seen_items.h"
#include "env/error.h"
#include "tests/agents/desk.h"
#include "tests/test.h"

namespace veer {
namespace {

using testing::Desk;
using Items = std::vector<ItemId>;

}  // namespace

TEST_CASE("Random draws every allowed item equally often, and no other") {
  // 10 items, 3 of them in the history and one the target: 6 are left. Over 24,000 episodes each expects
  // 4,000; chi-square with 5 degrees of freedom exceeds 20.5 with probability 0.001, and the seed is fixed.
  const RandomItems policy({.name = "random", .items = 10, .horizon = 4});
  constexpr std::int32_t episodes = 24000;
  Desk desk(policy, episodes, 4);
  for (std::int32_t row = 0; row < episodes; ++row) {
    desk.seat(row, static_cast<EpisodeId>(row), 9, Items{2, 5, 10, 2});
  }
  desk.ask(Mode::sample);
  std::array<int, 11> counts{};
  for (std::int32_t row = 0; row < episodes; ++row) {
    ++counts[static_cast<std::size_t>(desk.item(row))];
    REQUIRE(desk.shard().log_prob(row) == doctest::Approx(-std::log(6.0)));
  }
  for (const ItemId excluded : {0, 2, 5, 9, 10}) CHECK(counts[static_cast<std::size_t>(excluded)] == 0);
  double chi_square = 0.0;
  for (const ItemId item : {1, 3, 4, 6, 7, 8}) {
    chi_square += std::pow(counts[static_cast<std::size_t>(item)] - 4000.0, 2) / 4000.0;
  }
  CHECK(chi_square < 20.5);
  CHECK(chi_square > 0.0);
}

TEST_CASE("Random may draw the target where that is allowed") {
  const RandomItems policy({.name = "random", .items = 3, .horizon = 2, .allow_target = true});
  Desk desk(policy, 64, 2);
  for (std::int32_t row = 0; row < 64; ++row) desk.seat(row, static_cast<EpisodeId>(row), 3, Items{1, 2});
  desk.ask();
  for (std::int32_t row = 0; row < 64; ++row) {
    CHECK(desk.item(row) == 3);
    CHECK(desk.shard().log_prob(row) == 0.0F);
  }
}

TEST_CASE("Nothing is shown twice, though refused items are in no history and old ones slide out of it") {
  const std::vector<std::int64_t> counts{0, 5, 9, 1, 9, 3, 2};
  std::vector<float> line(7);
  for (std::size_t i = 0; i < line.size(); ++i) line[i] = static_cast<float>(i);
  const RandomItems random({.name = "random", .items = 6, .horizon = 6, .allow_target = true});
  const PopularItems popular(counts, {.name = "popular", .horizon = 6, .allow_target = true});
  const NearestItems nearest(
      {line.data(), 7, 1},
      {.name = "nearest", .horizon = 6, .distance = ItemDistance::euclidean, .allow_target = true});
  for (const Policy* policy : {static_cast<const Policy*>(&random), static_cast<const Policy*>(&popular),
                               static_cast<const Policy*>(&nearest)}) {
    for (const bool accepted : {true, false}) {
      CAPTURE(policy->spec().name);
      CAPTURE(accepted);
      Desk desk(*policy, 1, 2);  // a history of two: it slides from the third item on
      desk.seat(0, 3, 4, Items{2});
      const Items shown = desk.walk(7, accepted);
      // Item 2 counts as seen while it stands in the history column; then nothing is left: stop.
      std::set<ItemId> expected{0, 1, 3, 4, 5, 6};
      if (accepted) expected.insert(2);
      CHECK(shown.size() == expected.size());
      CHECK(std::set<ItemId>(shown.begin(), shown.end()) == expected);
      CHECK(shown.back() == no_item);
    }
  }
}

TEST_CASE("Popular goes down the list, lower ids first between equals, past what is known") {
  const std::vector<std::int64_t> counts{0, 5, 9, 1, 9, 3, 2};
  const PopularItems policy(counts, {.name = "popular", .horizon = 6});
  Desk desk(policy, 1, 8);
  desk.seat(0, 1, 1, Items{5});
  CHECK(desk.walk(6) == Items{2, 4, 6, 3, no_item});  // without the target 1
  const PopularItems showing(counts, {.name = "popular", .horizon = 6, .allow_target = true});
  Desk other(showing, 1, 8);
  other.seat(0, 1, 1, Items{5});
  CHECK(other.walk(6) == Items{2, 4, 1, 6, 3, no_item});
}

TEST_CASE("Nearest walks in even steps from the recent items to the target") {
  // Items 1..11 at 1..11 on a line. From 3, target 11, horizon 4: waypoints 3 + 8/4 = 5, 5 + 6/3 = 7, 7 + 4/2
  // = 9, 9 + 2/1 = 11.
  std::vector<float> line(12);
  for (std::size_t i = 0; i < line.size(); ++i) line[i] = static_cast<float>(i);
  NearestItemsOptions options{.name = "nearest",
                              .horizon = 4,
                              .recent = 1,
                              .distance = ItemDistance::euclidean,
                              .allow_target = true};
  const NearestItems showing({line.data(), 12, 1}, options);
  Desk desk(showing, 1, 8);
  desk.seat(0, 1, 11, Items{1, 3});
  CHECK(desk.walk(4) == Items{5, 7, 9, 11});

  // Refused items leave the person at 3: waypoints 5, 3 + 8/3 = 5.67 -> 6, 3 + 8/2 = 7, 11.
  desk.seat(0, 1, 11, Items{1, 3});
  CHECK(desk.walk(4, false) == Items{5, 6, 7, 11});

  // The target is next to last where it may not be shown.
  options.allow_target = false;
  const NearestItems hiding({line.data(), 12, 1}, options);
  Desk hidden(hiding, 1, 8);
  hidden.seat(0, 1, 11, Items{1, 3});
  CHECK(hidden.walk(4) == Items{5, 7, 9, 10});

  // The mean of the two newest, 2 and 6, is 4; 4 + 7/4 = 5.75.
  options.recent = 2;
  const NearestItems averaging({line.data(), 12, 1}, options);
  Desk mean(averaging, 1, 8);
  mean.seat(0, 1, 11, Items{9, 2, 6});
  mean.ask();
  CHECK(mean.item() == 5);  // 6 is known; 5 is nearer to 5.75 than 7

  // Nothing known: straight to the target. No target: stay where one is.
  mean.seat(0, 1, 8, Items{});
  mean.ask();
  CHECK(mean.item() == 7);
  mean.seat(0, 1, no_item, Items{3, 5});
  mean.ask();
  CHECK(mean.item() == 4);
}

TEST_CASE("Cosine distance looks at directions only") {
  // Item 3 points like the target 2 but is long; item 4 is near in space and points elsewhere.
  const std::vector<float> table{0, 0, /*1*/ 1, 0, /*2*/ 0, 1, /*3*/ 0, 50, /*4*/ 0.6F, 0.8F};
  const auto shown = [&](ItemDistance distance) {
    const NearestItems policy({table.data(), 5, 2}, {.name = "nearest", .horizon = 1, .distance = distance});
    Desk desk(policy, 1, 2);
    desk.seat(0, 1, 2, Items{1});
    desk.ask();
    return desk.item();
  };
  CHECK(shown(ItemDistance::cosine) == 3);
  CHECK(shown(ItemDistance::euclidean) == 4);
}

TEST_CASE("Nearest with random steps is nearest but for that share of the steps") {
  // Items 1..10 on a line; from 2, 3, 4 to 9 in one step nearest shows 8, its neighbour (the lower id). Six
  // are free.
  std::vector<float> line(11);
  for (std::size_t i = 0; i < line.size(); ++i) line[i] = static_cast<float>(i);
  NearestItemsOptions options{
      .name = "nearest", .horizon = 1, .distance = ItemDistance::euclidean, .random_steps = 0.25F};
  const NearestItems policy({line.data(), 11, 1}, options);
  constexpr std::int32_t episodes = 8000;
  Desk desk(policy, episodes, 4);
  for (std::int32_t row = 0; row < episodes; ++row) {
    desk.seat(row, static_cast<EpisodeId>(row), 9, Items{2, 3, 4});
  }
  desk.ask(Mode::sample);
  std::array<int, 11> counts{};
  for (std::int32_t row = 0; row < episodes; ++row) {
    const ItemId item = desk.item(row);
    ++counts[static_cast<std::size_t>(item)];
    const double probability = 0.25 / 6.0 + (item == 8 ? 0.75 : 0.0);
    REQUIRE(desk.shard().log_prob(row) == doctest::Approx(std::log(probability)).epsilon(1e-5));
  }
  for (const ItemId excluded : {2, 3, 4, 9}) CHECK(counts[static_cast<std::size_t>(excluded)] == 0);
  for (const ItemId other : {1, 5, 6, 7, 10}) {  // 333 expected, deviation 18
    CHECK(std::abs(counts[static_cast<std::size_t>(other)] - 333) < 75);
  }
  desk.ask(Mode::greedy);
  for (std::int32_t row = 0; row < 100; ++row) CHECK(desk.item(row) == 8);
  options.random_steps = 1.5F;
  CHECK_THROWS_AS(NearestItems({line.data(), 11, 1}, options), ConfigError);
}

TEST_CASE("Nearest agrees with the plain formula on a catalogue of several tiles") {
  constexpr std::int32_t items = 2500;
  constexpr std::int32_t width = 8;
  std::vector<float> table((items + 1) * width);
  fill_uniform({3, 0, 0}, Stream::generate, table);
  const View<const float> view(table.data(), items + 1, width);
  const NearestItems policy(
      view, {.name = "nearest", .horizon = 5, .recent = 1, .distance = ItemDistance::euclidean});
  Desk desk(policy, 32, 3);
  for (std::int32_t row = 0; row < 32; ++row) desk.seat(row, 1, 17 + 50 * row, Items{5, 2000 - row});
  desk.ask();
  for (std::int32_t row = 0; row < 32; ++row) {
    double best = 1e30;
    ItemId nearest = no_item;
    for (ItemId item = 1; item <= items; ++item) {
      if (item == 5 || item == 2000 - row || item == 17 + 50 * row) continue;
      double distance = 0.0;
      for (std::int32_t k = 0; k < width; ++k) {
        const double from = view(2000 - row, k);
        const double way = from + (view(17 + 50 * row, k) - from) / 5.0;
        distance += std::pow(view(item, k) - way, 2);
      }
      if (distance < best) {
        best = distance;
        nearest = item;
      }
    }
    CHECK(desk.item(row) == nearest);
  }
}

TEST_CASE("Sizes and tables that make no sense are refused") {
  CHECK_THROWS_AS(RandomItems({.name = "random", .items = 0, .horizon = 3}), ConfigError);
  CHECK_THROWS_AS(RandomItems({.name = "random", .items = 1 << 24, .horizon = 3}), ConfigError);
  CHECK_THROWS_AS(RandomItems({.name = "random", .items = 5, .horizon = 0}), ConfigError);
  const std::vector<float> table{0, std::numeric_limits<float>::quiet_NaN()};
  CHECK_THROWS_AS(NearestItems({table.data(), 2, 1}, {.name = "nearest", .horizon = 3}), DataError);
  CHECK_THROWS_AS(NearestItems({table.data(), 2, 0}, {.name = "nearest", .horizon = 3}), ConfigError);
}

TEST_CASE("The rule about showing the target follows the world") {
  CHECK_FALSE(target_may_be_shown(Acceptance::always));
  CHECK(target_may_be_shown(Acceptance::sampled));
}

}  // namespace veer

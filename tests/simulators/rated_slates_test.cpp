#include "simulators/response/rated_slates.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "env/error.h"
#include "env/random.h"
#include "tests/test.h"

namespace veer {
namespace {

using doctest::Approx;

Dataset rated(const std::vector<std::vector<std::pair<ItemId, float>>>& logs, std::int32_t items) {
  Dataset data;
  for (std::int32_t i = 0; i <= items; ++i) data.catalogue.ids.push_back(std::to_string(i));
  data.catalogue.attribute_names = {"even", "odd"};
  data.catalogue.attribute_offsets = {0, 0};
  for (std::int32_t i = 1; i <= items; ++i) {
    data.catalogue.attributes.push_back(i % 2);
    data.catalogue.attribute_offsets.push_back(i);
  }
  data.interactions.offsets = {0};
  for (const auto& log : logs) {
    data.interactions.user_ids.push_back("u" + std::to_string(data.interactions.user_ids.size()));
    for (const auto& [item, rating] : log) {
      data.interactions.items.push_back(item);
      data.interactions.ratings.push_back(rating);
    }
    data.interactions.offsets.push_back(data.interactions.size());
    data.parts.push_back(Part::train_plan);
  }
  return data;
}

/// Two camps: people 0..39 like items 1..20, the others 21..40; who likes what within is drawn.
Dataset two_camps() {
  std::vector<std::vector<std::pair<ItemId, float>>> logs(80);
  for (std::int32_t u = 0; u < 80; ++u) {
    for (ItemId i = 1; i <= 20; ++i) {
      const bool takes =
          uniform({1, static_cast<EpisodeId>(u), 0}, Stream::generate, static_cast<std::uint32_t>(i)) < 0.5F;
      if (takes) logs[at(u)].push_back({u < 40 ? i : i + 20, 5.0F});
    }
  }
  return rated(logs, 40);
}

}  // namespace

TEST_CASE("ratings are cut into slates by time; what was liked before is the history") {
  const Dataset data =
      rated({{{1, 5}, {2, 3}, {3, 4}, {4, 1}, {5, 5}}, {{6, 5}}, {{1, 2}, {2, 2}, {3, 5}, {6, 4}}}, 6);
  const SlateData slates = slates_of_ratings(data, {1, 2, 3}, 1, {.slots = 2});
  CHECK(slates.log.items == std::vector<ItemId>{1, 2, 3, 4, 1, 2, 3, 6});
  CHECK(slates.log.clicks == std::vector<std::uint8_t>{1, 0, 1, 0, 0, 0, 1, 1});
  REQUIRE(slates.people.starts.size() == 4);
  const std::vector<std::pair<UserId, std::int32_t>> starts{{0, 0}, {0, 1}, {2, 0}, {2, 0}};
  for (std::size_t s = 0; s < starts.size(); ++s) {
    CHECK(slates.people.starts[s].user == starts[s].first);
    CHECK(slates.people.starts[s].liked == starts[s].second);
  }
  // The dropped tail still belongs to what the person likes, later.
  CHECK(slates.people.liked == std::vector<ItemId>{1, 3, 5, 6, 3, 6});
  CHECK(slates.people.profile(2)[0] == 3.0F);
  Dataset unrated = data;
  unrated.interactions.ratings.clear();
  CHECK_THROWS_AS(slates_of_ratings(unrated, {1, 2, 3}, 1), ConfigError);
  CHECK_THROWS_AS(slates_of_ratings(data, {1, 2}, 1), ConfigError);
  CHECK_THROWS_AS(slates_of_ratings(data, {1, 2, 3}, 1, {.slots = 0}), ConfigError);
}

TEST_CASE("learned item vectors hold the attributes and tell camps of likes apart") {
  const Dataset data = two_camps();
  const ItemFeatures features = learned_item_features(data, {.learned = 2});
  CHECK(features.width == 4);
  CHECK(features.items() == 40);
  CHECK(std::ranges::all_of(features.of(no_item), [](float x) { return x == 0.0F; }));
  double mean = 0.0, square = 0.0;
  for (ItemId i = 1; i <= 40; ++i) {
    CHECK(features.of(i)[0] == (i % 2 == 0 ? 1.0F : 0.0F));
    CHECK(features.of(i)[1] == (i % 2 == 1 ? 1.0F : 0.0F));
    mean += double{features.of(i)[3]} / 40.0;
    square += double{features.of(i)[3]} * double{features.of(i)[3]} / 40.0;
  }
  CHECK(mean == Approx(0.0).epsilon(1e-4).scale(1.0));
  CHECK(square == Approx(1.0).epsilon(1e-3));
  // Within the plane of the first two vectors items of one camp lie together.
  const auto squared_distance = [&](ItemId a, ItemId b) {
    const double x = double{features.of(a)[2]} - double{features.of(b)[2]};
    const double y = double{features.of(a)[3]} - double{features.of(b)[3]};
    return x * x + y * y;
  };
  double within = 0.0, between = 0.0;
  for (ItemId a = 1; a <= 20; ++a) {
    for (ItemId b = 1; b <= 20; ++b) {
      within += squared_distance(a, b) + squared_distance(a + 20, b + 20);
      between += 2.0 * squared_distance(a, b + 20);
    }
  }
  CHECK(between > 4.0 * within);
  CHECK(learned_item_features(data, {.learned = 2}).values == features.values);
  CHECK(learned_item_features(data, {.learned = 0}).width == 2);
  CHECK_THROWS_AS(learned_item_features(data, {.learned = 41}), ConfigError);
}

}  // namespace veer

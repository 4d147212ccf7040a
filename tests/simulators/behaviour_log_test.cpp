#include "simulators/behaviours/behaviour_log.h"

#include <vector>

#include "env/error.h"
#include "tests/test.h"

namespace veer {
namespace {

constexpr std::uint8_t click = 1, complete = 4, like = 8, dislike = 128;

/// Person 0 does seven things, person 1 two, person 2 three.
Dataset small_log() {
  Dataset data;
  data.catalogue.ids = {"", "a", "b", "c", "d"};
  data.catalogue.attribute_names = {"tag 1", "tag 2"};
  data.catalogue.attribute_offsets = {0, 0, 1, 1, 3, 3};
  data.catalogue.attributes = {1, 0, 1};
  data.interactions.offsets = {0, 7, 9, 12};
  data.interactions.items = {1, 2, 3, 4, 1, 2, 3, /**/ 4, 4, /**/ 2, 3, 1};
  data.interactions.behaviour_names = {"none", "click", "click+complete+like", "dislike"};
  data.interactions.behaviours = {1, 0, 2, 3, 2, 1, 1, /**/ 1, 1, /**/ 0, 2, 1};
  data.parts = {Part::train_plan, Part::test, Part::train_judge};
  return data;
}

}  // namespace

TEST_CASE("slates of behaviours: groups in order, and behind each what was clicked before") {
  const SlateData slates = slates_of_behaviours(small_log(), {1.0F, 2.0F, 3.0F}, 1, 3);
  REQUIRE(slates.log.size() == 3);  // two of person 0, whose seventh is left over, and one of person 2
  CHECK(slates.log.items == std::vector<ItemId>{1, 2, 3, 4, 1, 2, 2, 3, 1});
  const std::uint8_t much = click | complete | like;
  CHECK(slates.log.answers ==
        std::vector<std::uint8_t>{click, 0, much, dislike, much, click, 0, much, click});
  CHECK(slates.log.clicks == std::vector<std::uint8_t>{1, 0, 1, 0, 1, 1, 0, 1, 1});
  const SlatePeople& people = slates.people;
  CHECK(people.offsets == std::vector<std::int64_t>{0, 4, 4, 6});
  CHECK(people.liked == std::vector<ItemId>{1, 3, 1, 2, 3, 1});
  CHECK(people.done == std::vector<std::uint8_t>{click, much, much, click, much, click});
  REQUIRE(people.starts.size() == 3);
  CHECK(people.starts[0].liked == 0);
  CHECK(people.starts[1].liked == 2);
  CHECK(people.starts[2].user == 2);
  CHECK(people.starts[2].liked == 0);
  CHECK(people.profile(2)[0] == 3.0F);
  CHECK(people.part(1) == Part::test);
  CHECK(behaviours_in(slates.log) ==
        std::vector<Behaviour>{Behaviour::click, Behaviour::complete, Behaviour::like, Behaviour::dislike});
}

TEST_CASE("slates of behaviours: stars are clicks, likes and more") {
  Dataset data = small_log();
  data.interactions.behaviours.clear();
  data.interactions.behaviour_names.clear();
  CHECK_THROWS_AS(slates_of_behaviours(data, {1.0F, 1.0F, 1.0F}, 1, 3), ConfigError);
  data.interactions.ratings = {1, 2, 3, 4, 5, 2.5, 5, /**/ 5, 5, /**/ 4.5, 3.5, 5};
  const SlateData slates = slates_of_behaviours(data, {1.0F, 1.0F, 1.0F}, 1, 3);
  const std::uint8_t four = click | like, five = click | like | complete;
  CHECK(slates.log.answers == std::vector<std::uint8_t>{0, 0, click, four, five, 0, four, click, five});
}

TEST_CASE("kinds are names joined with a plus") {
  CHECK(answer_of_kind("none") == 0);
  CHECK(answer_of_kind("click+dislike") == (click | dislike));
  CHECK_THROWS_AS(answer_of_kind("purchase"), ConfigError);
  CHECK_THROWS_AS(answer_of_kind("click+"), ConfigError);
  CHECK_THROWS_AS(answer_of_kind(""), ConfigError);
}

TEST_CASE("slates of behaviours: what does not fit is refused") {
  const Dataset data = small_log();
  CHECK_THROWS_AS(slates_of_behaviours(data, {1.0F, 2.0F}, 1, 3), ConfigError);
  CHECK_THROWS_AS(slates_of_behaviours(data, {1.0F, 2.0F, 3.0F}, 1, 0), ConfigError);
  CHECK_THROWS_AS(slates_of_behaviours(data, {1.0F, 2.0F, 3.0F}, 1, 8), ConfigError);
}

TEST_CASE("attributes are flags, one constant where there are none") {
  Dataset data = small_log();
  const ItemFeatures features = attribute_features(data);
  CHECK(features.values == std::vector<float>{0, 0, /**/ 0, 1, /**/ 0, 0, /**/ 1, 1, /**/ 0, 0});
  data.catalogue.attribute_names.clear();
  data.catalogue.attributes.clear();
  data.catalogue.attribute_offsets.assign(6, 0);
  CHECK(attribute_features(data).values == std::vector<float>{0, 1, 1, 1, 1});
}

TEST_CASE("what was done with a history is found again in that person's list") {
  const SlateData slates = slates_of_behaviours(small_log(), {1.0F, 2.0F, 3.0F}, 1, 3);
  const std::uint8_t much = click | complete | like;
  const auto done = [&](UserId user, std::vector<ItemId> history) {
    std::vector<std::uint8_t> out(history.size());
    slates.people.done_with(user, history, out);
    return out;
  };
  CHECK(done(0, {3, 1}) == std::vector<std::uint8_t>{much, much});
  CHECK(done(0, {1, 2}) == std::vector<std::uint8_t>{much, click});
  CHECK(done(0, {2, 1}) == std::vector<std::uint8_t>{click, click});  // never in this order
  CHECK(done(1, {1}) == std::vector<std::uint8_t>{click});
  CHECK(done(7, {1}) == std::vector<std::uint8_t>{click});
  CHECK(done(0, {}).empty());
}

}  // namespace veer

#include "simulators/taste_model.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "simulators/long_run/roll.h"
#include "simulators/synthetic/synthetic_user.h"
#include "tests/test.h"

namespace veer {
namespace {

/// Taste and state are one number; item i + 1 has the score taste * i, and taking an item adds `step`.
struct Ladder final : TasteModel {
  float step = 0.0F;
  std::int32_t taste_width() const noexcept override { return 1; }
  void taste_of(UserId, std::span<const ItemId> history, std::span<float> taste) const override {
    taste[0] = static_cast<float>(history.back());
  }
  void start_with(std::span<const float> taste, std::span<float> state) const noexcept override {
    state[0] = taste[0];
  }
  void score_next(std::span<const float> state, std::span<float> scores) const noexcept override {
    for (std::size_t i = 0; i < scores.size(); ++i) scores[i] = state[0] * static_cast<float>(i);
  }
  void take(std::span<float> state, ItemId, float days, const StepKey&) const noexcept override {
    state[0] += step * (days > 0.0F ? days : 1.0F);
  }
};

std::vector<ItemId> lived(const Beginning& beginning, std::size_t length, EpisodeId episode,
                          const TasteModel& model = Ladder()) {
  std::vector<ItemId> out(length);
  live(model, beginning, {1, episode, 0}, out);
  return out;
}

/// Whether `count` of `draws` is what probability p makes likely (five standard deviations).
bool likely(int count, int draws, double p) {
  return std::abs(count - draws * p) < 5.0 * std::sqrt(draws * p * (1.0 - p));
}

}  // namespace

TEST_CASE("people take items in proportion to the exponentials of their scores") {
  const std::vector<float> taste{std::log(3.0F)};
  const Beginning beginning{.taste = taste, .state_width = 1, .items = 2};
  constexpr int draws = 4'000;
  int second = 0;
  for (EpisodeId e = 0; e < draws; ++e) second += lived(beginning, 1, e)[0] == 2 ? 1 : 0;
  CHECK(likely(second, draws, 0.75));
}

TEST_CASE("items rest as long as in the log; nothing is taken when nothing is left") {
  const std::vector<float> taste{0.2F};
  Beginning beginning{.taste = taste, .state_width = 1, .items = 6};
  bool again = false;
  for (EpisodeId e = 0; e < 200; ++e) {
    beginning.rest = 2;
    const std::vector<ItemId> some = lived(beginning, 12, e);
    for (std::size_t i = 1; i < some.size(); ++i) {
      CHECK(some[i] != some[i - 1]);
      if (i > 1) CHECK(some[i] != some[i - 2]);
      if (i > 2) again = again || some[i] == some[i - 3];
    }
    beginning.rest = long_run::never_again;
    const std::vector<ItemId> all = lived(beginning, 8, e);
    CHECK(std::set<ItemId>(all.begin(), all.begin() + 6) == std::set<ItemId>{1, 2, 3, 4, 5, 6});
    CHECK(all[6] == no_item);
    CHECK(all[7] == no_item);
    CHECK(lived(beginning, 8, e) == all);
  }
  CHECK(again);
}

TEST_CASE("taste moves from item to item, by the days between them") {
  Ladder rising;
  rising.step = 25.0F;
  const std::vector<float> taste{-50.0F};
  Beginning beginning{.taste = taste, .state_width = 1, .items = 9};
  CHECK(lived(beginning, 5, 1, rising)[0] == 1);
  CHECK(lived(beginning, 5, 1, rising)[4] == 9);
  beginning.days = 0.2F;
  CHECK(lived(beginning, 5, 1, rising)[4] == 1);
}

TEST_CASE("synthetic people: a taste read from a history is where they stand after it") {
  const auto world = std::make_shared<const SyntheticWorld>(SyntheticParameters{.items = 40, .topics = 4});
  const SyntheticUser users(world);
  const std::vector<ItemId> history{3, 9, 27};
  std::vector<float> taste(4), begun(8), started(8), expected(40), scores(40);
  users.taste_of(5, history, taste);
  users.start(5, begun);
  TasteRates rates = world->parameters().rates;
  rates.drift = 0.0F;
  for (const ItemId item : history) users.show(begun, item, true, rates, {});
  CHECK(std::equal(taste.begin(), taste.end(), begun.begin()));

  for (float& t : taste) t *= 2.0F;  // length does not matter
  users.start_with(taste, started);
  std::fill(begun.begin() + 4, begun.end(), 0.0F);
  for (std::size_t i = 0; i < 8; ++i) CHECK(started[i] == doctest::Approx(begun[i]));
  users.utilities(started, expected);
  users.score_next(started, scores);
  for (std::size_t i = 0; i < 40; ++i) CHECK(scores[i] == doctest::Approx(expected[i]));
  users.take(started, 7, 3.0F, {2, 2, 2});
  users.show(begun, 7, true, world->parameters().rates, {2, 2, 2});
  for (std::size_t i = 0; i < 8; ++i) CHECK(started[i] == doctest::Approx(begun[i]));
}

}  // namespace veer

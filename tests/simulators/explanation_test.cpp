// Splits of steps and the person without guidance, on people whose truth is known and on toys.
#include "simulators/explanation.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "env/error.h"
#include "simulators/long_run/roll.h"
#include "simulators/synthetic/synthetic_user.h"
#include "tests/simulators/one_path.h"
#include "tests/simulators/small_log.h"
#include "tests/test.h"
#include "tests/toys/line_user.h"

namespace veer {
namespace {

using test::OnePath;
using test::trajectories_of;

SyntheticUser people(const TasteRates& rates) {
  SyntheticParameters p;
  p.items = 50;
  p.topics = 6;
  p.rates = rates;
  return SyntheticUser(std::make_shared<const SyntheticWorld>(p));
}

OnePath some_path() {
  return {.history = {4, 11, 30}, .items = {12, 9, 40, no_item, 9, 21}, .answers = {1, 0, 1, 1, 1, 0}};
}

TEST_CASE("the truth explains its own steps: each part by hand, and their sum is the change") {
  const TasteRates rates{.shift = 0.2F, .boredom_growth = 0.5F, .boredom_decay = 0.3F, .drift = 0.1F};
  const SyntheticUser users = people(rates);
  const OnePath path = some_path();
  const PathExplanation found = explain_path(users, trajectories_of(path), 0);
  CHECK(found.mechanisms == std::vector<std::string>{"recovery", "boredom", "acceptance", "drift"});
  REQUIRE(found.interest.size() == path.items.size());

  std::vector<float> state(static_cast<std::size_t>(users.state_width()));
  const std::span<float> taste = std::span(state).first(6), boredom = std::span(state).last(6);
  users.start(path.user, state);
  TasteRates steady = rates;
  steady.drift = 0.0F;
  for (const ItemId item : path.history) users.show(state, item, true, steady, {});
  double before = double{users.standing(state, path.target).log_probability};
  CHECK(double{found.start_interest} == before);
  for (std::size_t k = 0; k < path.items.size(); ++k) {
    const double start = before;
    const auto part = [&](std::size_t mechanism) {
      const double now = double{users.standing(state, path.target).log_probability};
      CHECK(found.part(k, mechanism) == now - before);
      before = now;
    };
    const ItemId item = path.items[k];
    if (item != no_item) {
      for (float& b : boredom) b *= 1.0F - rates.boredom_decay;
      part(0);
      grow_boredom(boredom, users.world().topics_of(item), rates.boredom_growth);
      part(1);
      if (path.answers[k] != 0) shift_taste(taste, users.world().topics_of(item), rates.shift);
      part(2);
      drift_taste(taste, rates.drift, {path.seed, path.episode, static_cast<std::uint32_t>(k)});
      part(3);
    }
    CHECK(double{found.interest[k]} == before);
    CHECK(found.change(k) == before - start);
    double sum = 0.0;
    for (std::size_t m = 0; m < 4; ++m) sum += found.part(k, m);
    CHECK(sum == found.change(k));  // not nearly: exactly
  }
  CHECK(found.part(1, 2) == 0.0);  // refused: nothing accepted
  CHECK(found.part(0, 2) != 0.0);
  CHECK(found.change(3) == 0.0);  // nothing was shown
}

TEST_CASE("only mechanisms that are on are named, and knobs at 0 silence one at a time") {
  CHECK(explain_path(people({}), trajectories_of(some_path()), 0).mechanisms.empty());
  CHECK(explain_path(people({.shift = 0.1F}), trajectories_of(some_path()), 0).mechanisms ==
        std::vector<std::string>{"acceptance"});
  const TasteRates rates{.shift = 0.2F, .boredom_growth = 0.5F, .boredom_decay = 0.3F, .drift = 0.1F};
  const std::vector<std::string> names{"shift_scale", "boredom_scale", "drift_scale"};
  const std::vector<std::size_t> silenced{2, 1, 3};
  const SyntheticUser users = people(rates).with_modifiers(names);
  OnePath path = some_path();
  for (std::size_t knob = 0; knob < names.size(); ++knob) {
    CAPTURE(names[knob]);
    std::vector<float> scales(3, 1.0F);
    scales[knob] = 0.0F;
    path.knobs.assign(path.items.size(), scales);
    const PathExplanation found = explain_path(users, trajectories_of(path), 0);
    for (std::size_t m = 1; m < 4; ++m) {
      CAPTURE(m);
      CHECK((found.part(0, m) == 0.0) == (m == silenced[knob]));
    }
    // The next step takes the knobs of its own time.
    path.knobs[2] = {1.0F, 1.0F, 1.0F};
    CHECK(explain_path(users, trajectories_of(path), 0).part(2, silenced[knob]) != 0.0);
  }
}

TEST_CASE("an explained path is the judged path") {
  const SyntheticUser users =
      people({.shift = 0.2F, .boredom_growth = 0.5F, .boredom_decay = 0.3F, .drift = 0.1F});
  OnePath other = some_path();
  other.user = 4;
  other.episode = 8;
  Trajectories paths = trajectories_of(some_path());
  Trajectories second = trajectories_of(other);
  paths.append(second);
  judge_paths(users, "truth", paths);
  for (std::int64_t e = 0; e < 2; ++e) {
    const PathExplanation found = explain_path(users, paths, e);
    const auto row = static_cast<std::size_t>(e);
    CHECK(found.start_interest == paths.judges[0].start_interest[row]);
    for (std::size_t k = 0; k < found.interest.size(); ++k)
      CHECK(found.interest[k] == paths.judges[0].interest[row * found.interest.size() + k]);
  }
}

TEST_CASE("models that name no mechanisms and slates are refused in words") {
  const toys::LineUser line(20);
  CHECK(mechanisms_of(line) == nullptr);
  CHECK_THROWS_WITH_AS(explain_path(line, trajectories_of(some_path()), 0), doctest::Contains("kind line"),
                       ConfigError);
  const SyntheticUser users = people({.shift = 0.1F});
  CHECK(mechanisms_of(users) != nullptr);
  Trajectories slates = trajectories_of(some_path());
  slates.slots = 2;
  CHECK_THROWS_WITH_AS(explain_path(users, slates, 0), doctest::Contains("2 items per step"), ConfigError);
  CHECK_THROWS_AS(without_guidance(users, slates, 0, 0), ConfigError);
}

TEST_CASE("without guidance: the same person, the same chance, their own choices") {
  const TasteRates rates{.shift = 0.3F, .boredom_growth = 0.2F, .boredom_decay = 0.3F, .drift = 0.2F};
  const SyntheticUser users = people(rates);
  Trajectories guided = trajectories_of(some_path());
  judge_paths(users, "truth", guided);
  const Trajectories alone = without_guidance(users, guided, 0, long_run::never_again);
  REQUIRE(alone.judges.size() == 1);
  const JudgeScores& judged = alone.judges[0];
  CHECK(judged.start_interest[0] == guided.judges[0].start_interest[0]);
  CHECK(judged.start_rank[0] == guided.judges[0].start_rank[0]);
  CHECK(judged.interest.size() == guided.judges[0].interest.size());
  CHECK(judged.interest != guided.judges[0].interest);

  // Somebody led to just what they would have taken was not led anywhere: no effect, to the last bit.
  Trajectories led = guided;
  led.judges.clear();
  led.items = alone.items;
  std::ranges::fill(led.feedback, feedback::accepted);
  judge_paths(users, "truth", led);
  CHECK(led.judges[0].interest == judged.interest);
  CHECK(led.judges[0].rank == judged.rank);

  // Their choices are those of long_run: a log of the same history, and the episode of that person's number.
  guided.episode_id = {3};
  const Trajectories numbered = without_guidance(users, guided, 0, long_run::never_again);
  const Interactions log = test::log_of({{}, {}, {}, {4, 11, 30}});
  const auto rolled = long_run::roll_forward(
      users, log, {{3, 3}}, {.steps = 6, .seed = 5, .rest = long_run::never_again, .shard_rows = 32});
  CHECK(numbered.items == rolled.items);
  CHECK(numbered.items != alone.items);
  // And nothing rests that need not.
  for (const ItemId item : alone.items) {
    CHECK(std::ranges::count(alone.items, item) == 1);
    CHECK(std::ranges::find(guided.history, item) == guided.history.end());
  }
}

TEST_CASE("where only chance moves people, guidance has no effect at all") {
  const SyntheticUser users = people({.drift = 0.3F});
  Trajectories guided = trajectories_of(some_path());
  guided.items[3] = 14;  // a step that shows nothing lets no time pass
  judge_paths(users, "truth", guided);
  const Trajectories alone = without_guidance(users, guided, 0, 0);
  CHECK(alone.items != guided.items);
  CHECK(alone.judges[0].interest == guided.judges[0].interest);
  CHECK(alone.judges[0].interest.front() != alone.judges[0].interest.back());
}

TEST_CASE("without guidance works for models that do not choose for themselves, until nothing is left") {
  const toys::LineUser line(6);
  OnePath path{.target = 6, .history = {1, 2}, .items = {5, 6, 4, 3, 5}, .answers = {1, 1, 1, 1, 1}};
  const Trajectories alone = without_guidance(line, trajectories_of(path), 0, long_run::never_again);
  std::vector<ItemId> first(alone.items.begin(), alone.items.begin() + 4);
  std::ranges::sort(first);
  CHECK(first == std::vector<ItemId>{3, 4, 5, 6});
  CHECK(alone.items[4] == no_item);
  CHECK(alone.judges[0].interest[4] == alone.judges[0].interest[3]);
}

}  // namespace
}  // namespace veer

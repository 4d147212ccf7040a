#include "simulators/long_run/roll.h"

#include "tests/simulators/small_log.h"
#include "tests/test.h"

#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <vector>

#include "env/error.h"
#include "simulators/next_item.h"
#include "simulators/synthetic/synthetic_log.h"
#include "tests/toys/line_user.h"

namespace veer::long_run {
namespace {

using test::log_of;

SyntheticLog small_log() {
  SyntheticLogParameters parameters;
  parameters.people = 90;
  parameters.events = 30;
  parameters.world.items = 80;
  return generate_synthetic_log(parameters);
}

std::vector<Start> everybody(const Interactions& log, std::int64_t cut) {
  std::vector<Start> starts;
  for (UserId user = 0; user < log.users(); ++user) starts.push_back({user, cut});
  return starts;
}

/// Whether counts of draws fit these probabilities: every one within five standard deviations.
void check_frequencies(const std::vector<int>& counts, const std::vector<double>& probabilities, int draws) {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = draws * probabilities[i];
    const double deviation = std::sqrt(expected * (1.0 - probabilities[i]));
    CHECK_MESSAGE(std::abs(counts[i] - expected) <= 5.0 * deviation + 1e-9,
                  "item " << i + 1 << ": " << counts[i] << " of " << expected);
  }
}

}  // namespace

TEST_CASE("a draw in proportion: inverse CDF in item order") {
  const auto draw = [](std::vector<float> scores, float u) { return draw_in_proportion(scores, u); };
  const float a = std::log(1.0F);
  const float b = std::log(3.0F);
  CHECK(draw({a, b}, 0.0F) == 1);
  CHECK(draw({a, b}, 0.2499F) == 1);
  CHECK(draw({a, b}, 0.2501F) == 2);
  CHECK(draw({a, b}, 0.99999994F) == 2);
  CHECK(draw({-INFINITY, b, -INFINITY}, 0.99999994F) == 2);
  CHECK(draw({a + 500.0F, b + 500.0F}, 0.2499F) == 1);  // far beyond what exp() can hold
  CHECK(draw({-INFINITY, -INFINITY}, 0.5F) == no_item);
  CHECK(draw({}, 0.5F) == no_item);
}

TEST_CASE("cuts: where they fall, and who is left out") {
  std::vector<std::vector<ItemId>> people(3);
  for (ItemId item = 1; item <= 12; ++item) people[0].push_back(item);
  for (ItemId item = 1; item <= 6; ++item) people[1].push_back(item);
  for (ItemId item = 1; item <= 30; ++item) people[2].push_back(item);
  const Interactions log = log_of(people);
  StartOptions options{.steps = 5, .least_history = 2};
  const auto cuts = [&] {
    std::vector<std::pair<UserId, std::int64_t>> out;
    for (const Start& start : starts_of(log, {0, 1, 2}, options)) out.emplace_back(start.user, start.cut);
    return out;
  };
  using Expected = std::vector<std::pair<UserId, std::int64_t>>;
  CHECK(cuts() == Expected{{0, 7}, {2, 25}});  // 1 item would remain before the cut of person 1
  options.cut = Cut::middle;
  CHECK(cuts() == Expected{{0, 6}, {2, 15}});
  options.cut = Cut::fixed;
  options.items_before = 10;
  CHECK(cuts() == Expected{{2, 10}});
  options.cut = Cut::random;
  std::set<std::int64_t> seen;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    options.seed = seed;
    for (const auto& [user, cut] : cuts()) {
      CHECK(cut >= 2);
      CHECK(cut + 5 <= static_cast<std::int64_t>(people[static_cast<std::size_t>(user)].size()));
      if (user == 0) seen.insert(cut);
    }
  }
  CHECK(seen.size() == 6);  // every place from 2 to 7
  options.most_people = 1;
  CHECK(cuts().size() == 1);
  options.cut = Cut::fixed;
  options.items_before = 1;
  CHECK_THROWS_AS(cuts(), ConfigError);
}

TEST_CASE("what the log says about taking an item again") {
  CHECK(rest_between_repeats(log_of({{1, 2, 3}, {3, 2, 1}})) == never_again);
  CHECK(rest_between_repeats(log_of({{1, 2, 3, 1}, {5}})) == 2);
  CHECK(rest_between_repeats(log_of({{1, 2, 3, 1, 2, 1}, {}})) == 1);
  CHECK(rest_between_repeats(log_of({{1, 2}, {7, 7}})) == 0);
}

TEST_CASE("people who choose for themselves follow the model's own distribution") {
  // Many people with the same history and the same taste: user 0 under many episode ids is not possible, so
  // the draw itself is repeated with many uniforms.
  const SyntheticLog world = small_log();
  const SyntheticUser& truth = *world.truth;
  const std::int32_t items = truth.world().items();
  Batch batch({.rows = 64, .shard_rows = 64, .history_capacity = 8, .user_state = truth.spec().state_width},
              1);
  Shard shard = batch.shard(0);
  const auto workspace = truth.make_workspace({64, 8, 1, 1});
  const std::vector<std::int32_t> rows = {0, 1};
  shard.user(1) = 1;
  truth.begin(rows, shard, *workspace);
  std::vector<double> probabilities;
  const std::vector<ItemId> shut = {3, no_item, no_item, no_item};  // nothing is shut for row 1
  for (ItemId item = 1; item <= items; ++item) {
    shard.target(1) = item;
    truth.measure(rows, shard, *workspace);
    probabilities.push_back(std::exp(double{shard.interest(1)}));
  }
  std::vector<int> counts(static_cast<std::size_t>(items), 0);
  constexpr int draws = 20'000;
  for (int i = 0; i < draws; ++i) {
    const std::vector<float> uniforms = {uniform({1, 0, static_cast<std::uint32_t>(i)}, Stream::policy),
                                         uniform({1, 1, static_cast<std::uint32_t>(i)}, Stream::policy)};
    std::vector<ItemId> drawn(2);
    truth.draw_next(rows, shard, *workspace, View<const ItemId>(shut.data(), 2, 2), uniforms, drawn);
    CHECK(drawn[0] != 3);
    ++counts[static_cast<std::size_t>(drawn[1]) - 1];
  }
  check_frequencies(counts, probabilities, draws);
}

TEST_CASE("models that do not choose: proposals, in proportion to their acceptance") {
  const toys::LineUser line(6);
  CHECK_FALSE(chooses_for_itself(line));
  CHECK(chooses_for_itself(*small_log().truth));
  constexpr int people = 20'000;
  const Interactions log = log_of(std::vector<std::vector<ItemId>>(people, {2, 3}));
  const Continuations taken =
      roll_forward(line, log, everybody(log, 2), {.steps = 1, .rest = never_again, .proposals = 6});
  std::vector<int> counts(6, 0);
  for (const ItemId item : taken.items) ++counts[static_cast<std::size_t>(item) - 1];
  std::vector<double> weights;
  double total = 0.0;
  const double taste = line.start(std::vector<ItemId>{2, 3}, 2);
  for (ItemId item = 1; item <= 6; ++item) {
    weights.push_back(item == 2 || item == 3 ? 0.0 : line.accepts(taste, item));
    total += weights.back();
  }
  for (double& weight : weights) weight /= total;
  check_frequencies(counts, weights, people);
}

TEST_CASE("what was taken moves the state, and nothing rests less than it should") {
  const SyntheticLog world = small_log();
  const Interactions& log = world.dataset.interactions;
  const auto starts = everybody(log, 6);
  for (const std::int32_t rest : {0, 4, never_again}) {
    const Continuations taken = roll_forward(*world.truth, log, starts, {.steps = 15, .rest = rest});
    std::int64_t nearest = never_again;
    for (std::size_t p = 0; p < starts.size(); ++p) {
      std::vector<ItemId> all(log.of(starts[p].user).begin(), log.of(starts[p].user).begin() + 6);
      const auto own = taken.view().row(static_cast<std::int32_t>(p));
      all.insert(all.end(), own.begin(), own.end());
      for (std::size_t i = 6; i < all.size(); ++i) {
        CHECK(all[i] >= 1);
        CHECK(all[i] <= 80);
        for (std::size_t j = 0; j < i; ++j) {
          if (all[i] == all[j])
            nearest = std::min<std::int64_t>(nearest, static_cast<std::int64_t>(i - j) - 1);
        }
      }
    }
    CHECK(nearest >= rest);
    if (rest < never_again) CHECK(nearest <= rest + 3);  // and what may be taken again is
  }
}

TEST_CASE("when everything was taken, nothing more is") {
  const toys::LineUser line(4);
  const Interactions log = log_of({{1, 2}});
  const Continuations taken = roll_forward(line, log, everybody(log, 2), {.steps = 4, .rest = never_again});
  std::vector<ItemId> first(taken.items.begin(), taken.items.begin() + 2);
  std::sort(first.begin(), first.end());
  CHECK(first == std::vector<ItemId>{3, 4});
  CHECK(taken.items[2] == no_item);
  CHECK(taken.items[3] == no_item);
}

TEST_CASE("same seed, same people, for any number of threads and any company") {
  const SyntheticLog world = small_log();
  const Interactions& log = world.dataset.interactions;
  const toys::LineUser line(80);
  const std::vector<const UserModel*> models = {world.truth.get(), &line};
  for (const UserModel* model : models) {
    RollOptions options{.steps = 8, .seed = 3, .rest = 2, .proposals = 20};
    const auto starts = everybody(log, 7);
    const Continuations all = roll_forward(*model, log, starts, options);
    Continuations again;
    tbb::task_arena(3).execute([&] { again = roll_forward(*model, log, starts, options); });
    CHECK(again.items == all.items);
    const Continuations alone = roll_forward(*model, log, {starts[70]}, options);
    CHECK(std::ranges::equal(alone.items, all.view().row(70)));
    options.seed = 4;
    CHECK(roll_forward(*model, log, starts, options).items != all.items);
  }
}

TEST_CASE("people who take what is popular") {
  constexpr int people = 20'000;
  const Interactions log = log_of(std::vector<std::vector<ItemId>>(people, {1}));
  const Continuations taken =
      roll_by_weight({0.0, 5.0, 1.0, 3.0, 0.0}, log, everybody(log, 1), {.steps = 2, .rest = never_again});
  std::vector<int> counts(4, 0);
  for (int p = 0; p < people; ++p) {
    const auto own = taken.view().row(p);
    ++counts[static_cast<std::size_t>(own[0]) - 1];
    CHECK(own[1] == (own[0] == 2 ? 3 : 2));  // the only one left with any weight
  }
  check_frequencies(counts, {0.0, 0.25, 0.75, 0.0}, people);
}

}  // namespace veer::long_run

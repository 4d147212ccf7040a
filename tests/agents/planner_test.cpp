// Greedy and beam search against exhaustive search on the line world, whose user model can be computed by
// hand.
#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "agents/guidance/path_planner.h"
#include "env/error.h"
#include "tests/agents/desk.h"
#include "tests/test.h"
#include "tests/toys/line_user.h"

namespace veer {
namespace {

using testing::Desk;
using toys::LineUser;
using Items = std::vector<ItemId>;

EnvSpec world_of(std::int32_t items, std::int32_t horizon) {
  EnvSpec world;
  world.id = "line-v1";
  world.items = items;
  world.history_length = 2;
  world.history_capacity = 8;
  world.horizon = horizon;
  return world;
}

/// The planner's score of a path, from the formulas of the model.
double score_by_hand(const LineUser& model, const Items& history, ItemId target, const Items& path,
                     const PathPlannerOptions& options) {
  auto taste = static_cast<float>(model.start(history, static_cast<std::int32_t>(history.size())));
  const double before = model.log_interest(taste, target);
  double acceptance = 0.0;
  for (const ItemId item : path) {
    const double p = model.accepts(taste, item);
    acceptance += options.acceptance == AcceptanceScore::mean_log ? std::log(p) : p;
    taste = static_cast<float>(model.moved(taste, item));
  }
  return options.interest_weight * (model.log_interest(taste, target) - before) +
         options.acceptance_weight * acceptance / static_cast<double>(path.size());
}

/// Every path of `length` distinct items outside the history and other than the target.
std::vector<Items> all_plans(std::int32_t items, const Items& history, ItemId target, std::size_t length) {
  std::vector<Items> plans;
  Items path;
  const auto extend = [&](auto&& self) -> void {
    if (path.size() == length) {
      plans.push_back(path);
      return;
    }
    for (ItemId item = 1; item <= items; ++item) {
      if (item == target || std::ranges::count(history, item) > 0 || std::ranges::count(path, item) > 0)
        continue;
      path.push_back(item);
      self(self);
      path.pop_back();
    }
  };
  extend(extend);
  return plans;
}

double best_by_hand(const LineUser& model, const Items& history, ItemId target, std::size_t length,
                    const PathPlannerOptions& options) {
  double best = -1e300;
  for (const Items& path : all_plans(model.spec().items, history, target, length)) {
    best = std::max(best, score_by_hand(model, history, target, path, options));
  }
  return best;
}

/// Objectives: interest alone; with the mean log-probability; acceptance probability alone.
std::vector<PathPlannerOptions> objectives() {
  PathPlannerOptions interest;
  PathPlannerOptions both;
  both.acceptance_weight = 0.5;
  PathPlannerOptions clicks;
  clicks.interest_weight = 0.1;
  clicks.acceptance_weight = 2.0;
  clicks.acceptance = AcceptanceScore::mean_probability;
  return {interest, both, clicks};
}

Items plan_of(const LineUser& model, const EnvSpec& world, const PathPlannerOptions& options, ItemId target,
              const Items& history) {
  const PathPlanner policy(model, world, options);
  Desk desk(policy, 1, world.history_capacity);
  desk.seat(0, 1, target, history);
  desk.ask();
  return desk.plan();
}

}  // namespace

TEST_CASE("With every item and every path kept, beam search is exhaustive search") {
  const LineUser model(8);
  const EnvSpec world = world_of(8, 3);
  for (PathPlannerOptions options : objectives()) {
    options.shortlist = 0;
    options.width = 5 * 4;  // all paths of two; the third step needs no more
    options.chunk_rows = 40;
    for (const ItemId target : {1, 4, 8}) {
      for (const Items& history : {Items{2, 3}, Items{7, 5}, Items{6, 2}}) {
        const Items plan = plan_of(model, world, options, target, history);
        REQUIRE(plan.size() == 3);
        CHECK(score_by_hand(model, history, target, plan, options) ==
              doctest::Approx(best_by_hand(model, history, target, 3, options)).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE("A narrow beam scores between greedy and exhaustive search") {
  const LineUser model(12);
  const EnvSpec world = world_of(12, 3);
  int below = 0;  // cases where width matters at all
  for (PathPlannerOptions options : objectives()) {
    options.shortlist = 0;
    for (const ItemId target : {1, 6, 12}) {
      const Items history{9, 4};
      const auto score = [&](std::int32_t width) {
        options.width = width;
        return score_by_hand(model, history, target, plan_of(model, world, options, target, history),
                             options);
      };
      const double narrow = score(1);
      const double best = best_by_hand(model, history, target, 3, options);
      CHECK(narrow <= best + 1e-5);
      CHECK(score(4) <= best + 1e-5);
      CHECK(score(90) == doctest::Approx(best).epsilon(1e-5));
      if (narrow < best - 1e-4) ++below;
    }
  }
  CHECK(below > 0);
}

TEST_CASE("Greedy takes the best single step, again and again") {
  const LineUser model(20);
  const EnvSpec world = world_of(20, 4);
  PathPlannerOptions options = greedy_reward_options();
  options.shortlist = 0;
  const PathPlanner policy(model, world, options);
  CHECK(policy.spec().width == 1);
  Desk desk(policy, 1, world.history_capacity);
  Items history{3, 5};
  desk.seat(0, 1, 17, history);
  for (int step = 0; step < 4; ++step) {
    desk.ask();
    REQUIRE(desk.plan().size() == 1);
    const ItemId item = desk.plan().front();
    // The planner starts anew from the observed history, so the formula does too.
    double best = -1e300;
    ItemId expected = no_item;
    for (const Items& path : all_plans(20, history, 17, 1)) {
      const double score = score_by_hand(model, history, 17, path, options);
      if (score > best + 1e-7) {
        best = score;
        expected = path.front();
      }
    }
    CHECK(item == expected);
    desk.answer(0, item, true);
    history.push_back(item);
  }
}

TEST_CASE("The shortlist is taken from the model's proposals, known items dropped") {
  const LineUser model(20);
  const EnvSpec world = world_of(20, 1);
  PathPlannerOptions options;
  options.width = 3;
  options.shortlist = 2;
  // Taste 0.2 and target 0.8 meet at 0.5: items 10, 9, 11, ... are proposed. 10 is known.
  const Items history{10, 1, 1};
  const Items plan = plan_of(model, world, options, 16, history);
  const double taste = model.start(history, 3);
  const auto wanted = 0.5 * (taste + 0.8) * 20;
  REQUIRE(plan.size() == 1);
  Items order;
  for (ItemId item = 1; item <= 20; ++item) {
    if (item != 10 && item != 1 && item != 16) order.push_back(item);
  }
  std::ranges::stable_sort(order, {}, [&](ItemId item) { return std::abs(item - wanted); });
  CHECK((plan.front() == order[0] || plan.front() == order[1]));
  options.shortlist = 0;
  CHECK(plan_of(model, world, options, 16, history).front() !=
        plan.front());     // the whole catalogue has a better one
  options.shortlist = 20;  // as wide as the catalogue: the same as all
  const Items all = plan_of(model, world, options, 16, history);
  options.shortlist = 0;
  CHECK(plan_of(model, world, options, 16, history) == all);
}

TEST_CASE("How many candidates share a model call changes nothing") {
  const LineUser model(30);
  const EnvSpec world = world_of(30, 5);
  PathPlannerOptions options;
  options.shortlist = 13;
  Items plans[3];
  int i = 0;
  for (const std::int32_t chunk : {1, 57, 256}) {
    options.chunk_rows = chunk;
    plans[i++] = plan_of(model, world, options, 25, Items{3, 6});
  }
  CHECK(plans[0].size() == 5);
  CHECK(plans[0] == plans[1]);
  CHECK(plans[0] == plans[2]);
}

TEST_CASE("Plans repeat nothing, and show the target only if allowed") {
  const LineUser model(9);
  const EnvSpec world = world_of(9, 8);
  PathPlannerOptions options;
  const Items hidden = plan_of(model, world, options, 9, Items{1, 2});
  CHECK(hidden.size() == 6);  // nine items without the history and the target
  CHECK(std::set<ItemId>(hidden.begin(), hidden.end()) == std::set<ItemId>{3, 4, 5, 6, 7, 8});
  options.allow_target = true;
  const Items shown = plan_of(model, world, options, 9, Items{1, 2});
  CHECK(std::set<ItemId>(shown.begin(), shown.end()) == std::set<ItemId>{3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("Refused items are remembered when a plan is made anew") {
  const LineUser model(9);
  const EnvSpec world = world_of(9, 6);
  PathPlannerOptions options;
  options.closed_loop = true;
  const PathPlanner policy(model, world, options);
  CHECK(policy.spec().closed_loop);
  Desk desk(policy, 1, world.history_capacity);
  desk.seat(0, 1, 9, Items{1, 2});
  std::set<ItemId> shown;
  for (std::size_t step = 0; step < 6; ++step) {
    desk.ask();
    REQUIRE(desk.plan().size() == 6 - step);
    const ItemId item = desk.plan().front();
    CHECK(shown.insert(item).second);
    desk.answer(0, item, false);
  }
  CHECK(shown == std::set<ItemId>{3, 4, 5, 6, 7, 8});
}

TEST_CASE("A plan that may stop ends where it is worth most") {
  const LineUser model(20);
  const EnvSpec world = world_of(20, 6);
  PathPlannerOptions options;
  options.shortlist = 0;
  options.may_stop = true;
  // Taste 0.5 on the target 10: whatever is shown can only lead away.
  CHECK(plan_of(model, world, options, 10, Items{9, 11}).empty());
  // The best prefix is no worse than the whole plan.
  const Items history{2, 3};
  const Items prefix = plan_of(model, world, options, 6, history);
  options.may_stop = false;
  const Items whole = plan_of(model, world, options, 6, history);
  REQUIRE(!prefix.empty());
  CHECK(whole.size() == 6);
  CHECK(prefix.size() < 6);
  CHECK(score_by_hand(model, history, 6, prefix, options) > score_by_hand(model, history, 6, whole, options));
}

TEST_CASE("The last steps of an episode get the last items of a plan") {
  const LineUser model(20);
  const EnvSpec world = world_of(20, 5);
  PathPlannerOptions options;
  const PathPlanner policy(model, world, options);
  Desk desk(policy, 2, world.history_capacity);
  desk.seat(0, 1, 15, Items{1, 2});
  desk.shard().step(0) = 3;
  desk.ask();
  CHECK(desk.plan(0).size() == 2);
  CHECK(desk.shard().plan_size(1) == 0);  // an inactive row
  CHECK(desk.shard().log_prob(0) == 0.0F);
}

TEST_CASE("Assumed modifiers reach the planning model") {
  // Eagerness scales every acceptance alike; a weight on its logarithm then shifts all scores, so only
  // stopping can notice.
  const LineUser model(20);
  EnvSpec world = world_of(20, 1);
  world.modifiers = {"eagerness"};
  PathPlannerOptions options;
  options.shortlist = 0;
  options.may_stop = true;
  options.acceptance_weight = 1.0;
  CHECK_FALSE(plan_of(model, world, options, 12, Items{9, 9}).empty());
  options.modifiers = {1e-6F};
  CHECK(plan_of(model, world, options, 12, Items{9, 9}).empty());
  options.modifiers = {1.0F, 1.0F};
  CHECK_THROWS_AS(PathPlanner(model, world, options), ConfigError);
}

TEST_CASE("Planners that do not fit their world are refused") {
  const LineUser model(20);
  CHECK_THROWS_AS(PathPlanner(model, world_of(21, 5), {}), ConfigError);
  EnvSpec slates = world_of(20, 5);
  slates.slots = 3;
  CHECK_THROWS_AS(PathPlanner(model, slates, {}), ConfigError);
  PathPlannerOptions options;
  options.width = 0;
  CHECK_THROWS_AS(PathPlanner(model, world_of(20, 5), options), ConfigError);
}

}  // namespace veer

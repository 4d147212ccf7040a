// Budgets on paths made by hand: three items, of which the third is never to be shown.
#include "rewards/path_budget.h"

#include <array>
#include <cmath>
#include <vector>

#include "tests/test.h"

namespace veer {
namespace {

/// Items 1 "calm", 2 "calm" and "loud", 3 "loud", 4 without attributes.
Catalogue four_items() {
  Catalogue out;
  out.ids = out.titles = {"", "a", "b", "c", "d"};
  out.attribute_names = {"calm", "loud"};
  out.attributes = {0, 0, 1, 1};
  out.attribute_offsets = {0, 0, 1, 3, 4, 4};
  return out;
}

struct Judged {
  Trajectories paths;
  JudgeScores judge;

  /// A path of items, with the probability and the target's rank after each.
  void add(std::vector<ItemId> items, std::vector<float> acceptance, std::vector<std::int32_t> rank,
           std::int32_t start_rank) {
    paths.episode_id.push_back(paths.episode_id.size());
    paths.first_step.push_back(static_cast<std::int64_t>(paths.items.size()));
    paths.length.push_back(static_cast<std::int32_t>(items.size()));
    paths.items.insert(paths.items.end(), items.begin(), items.end());
    paths.episode.resize(paths.items.size(), paths.episode_id.back());
    judge.acceptance.insert(judge.acceptance.end(), acceptance.begin(), acceptance.end());
    judge.rank.insert(judge.rank.end(), rank.begin(), rank.end());
    judge.start_rank.push_back(start_rank);
  }
  float value(BudgetMetric metric, std::size_t path, const PathBudget& budget) const {
    return score_budget(paths, judge, four_items(), budget).of(metric)[path];
  }
};

Judged three_paths() {
  Judged out;
  out.add({1, 2, 3}, {0.5F, 0.1F, 0.09F}, {9, 15, 4}, 10);         // sinks by 5, shows 2 loud ones
  out.add({1, 4, no_item}, {0.3F, 0.2F, 0.0F}, {10, 10, 99}, 10);  // stops: its last step shows nothing
  out.add({}, {}, {}, 10);
  return out;
}

}  // namespace

TEST_CASE("each kind of violation is counted on its own") {
  const Judged world = three_paths();
  const PathBudget never{.never_show = {1}};
  CHECK(world.value(BudgetMetric::never_shown, 0, never) == 2.0F);
  CHECK(world.value(BudgetMetric::within, 0, never) == 0.0F);
  CHECK(world.value(BudgetMetric::never_shown, 1, never) == 0.0F);
  CHECK(world.value(BudgetMetric::within, 1, never) == 1.0F);
  CHECK(std::isnan(world.value(BudgetMetric::rank_breaks, 0, never)));
  CHECK(std::isnan(world.value(BudgetMetric::weak_breaks, 0, never)));

  // An item with both attributes is one item.
  CHECK(world.value(BudgetMetric::never_shown, 0, {.never_show = {0, 1}}) == 3.0F);
  CHECK(world.value(BudgetMetric::never_shown, 1, {.never_show = {0, 1}}) == 1.0F);
}

TEST_CASE("the target may sink as far as the limit, and no place further") {
  const Judged world = three_paths();
  for (const std::int32_t limit : {0, 4, 5}) {
    const PathBudget budget{.rank_loss = limit};
    CHECK(world.value(BudgetMetric::rank_loss, 0, budget) == 5.0F);
    CHECK(world.value(BudgetMetric::rank_breaks, 0, budget) == (limit < 5 ? 1.0F : 0.0F));
    CHECK(world.value(BudgetMetric::within, 0, budget) == (limit < 5 ? 0.0F : 1.0F));
    // The rank after a step in which nothing was shown does not count.
    CHECK(world.value(BudgetMetric::rank_loss, 1, budget) == 0.0F);
    CHECK(world.value(BudgetMetric::within, 1, budget) == 1.0F);
    CHECK(world.value(BudgetMetric::within, 2, budget) == 1.0F);
  }
}

TEST_CASE("weak steps count below the bound, and break the budget beyond their number") {
  const Judged world = three_paths();
  const auto weak = [&](std::size_t path, float below, std::int32_t most) {
    const PathBudget budget{.weak_steps = most, .weak_below = below};
    return std::array<float, 3>{world.value(BudgetMetric::weak, path, budget),
                                world.value(BudgetMetric::weak_breaks, path, budget),
                                world.value(BudgetMetric::within, path, budget)};
  };
  CHECK(weak(0, 0.1F, 0) == std::array{1.0F, 1.0F, 0.0F});  // 0.1 itself is not below 0.1
  CHECK(weak(0, 0.11F, 0) == std::array{2.0F, 2.0F, 0.0F});
  CHECK(weak(0, 0.11F, 1) == std::array{2.0F, 1.0F, 0.0F});
  CHECK(weak(0, 0.11F, 2) == std::array{2.0F, 0.0F, 1.0F});
  CHECK(weak(1, 0.21F, 0) == std::array{1.0F, 1.0F, 0.0F});
  CHECK(weak(2, 1.0F, 0) == std::array{0.0F, 0.0F, 1.0F});
}

TEST_CASE("a path is within the budget when it keeps all of it, and no budget is kept by all") {
  const Judged world = three_paths();
  CHECK(world.value(BudgetMetric::within, 0, {}) == 1.0F);
  CHECK(PathBudget{}.empty());
  CHECK(!PathBudget{.weak_steps = 0, .weak_below = 0.1F}.empty());
  const PathBudget all{.never_show = {1}, .rank_loss = 100, .weak_steps = 3, .weak_below = 0.5F};
  CHECK(world.value(BudgetMetric::within, 0, all) == 0.0F);  // two loud items, nothing else
  CHECK(world.value(BudgetMetric::within, 1, all) == 1.0F);
  CHECK(name_of(BudgetMetric::within) == "within_budget");
}

}  // namespace veer

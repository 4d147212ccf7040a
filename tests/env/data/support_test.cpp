#include "env/data/support.h"

#include "tests/test.h"

using namespace veer;

namespace {

/// Five items; three people.
Dataset logs() {
  Dataset data;
  data.catalogue.ids.resize(6);
  data.interactions.offsets = {0};
  for (const std::vector<ItemId>& log : std::vector<std::vector<ItemId>>{{1, 2, 3, 2}, {1, 2, 2}, {4, 1}}) {
    data.interactions.items.insert(data.interactions.items.end(), log.begin(), log.end());
    data.interactions.offsets.push_back(data.interactions.size());
  }
  return data;
}

}  // namespace

TEST_CASE("transitions are counted per pair, log beginnings and repeats among them") {
  const std::vector<UserId> everybody{0, 1, 2}, some{1, 2};
  const TransitionCounts all(logs(), everybody);
  CHECK(all.transitions() == 9);
  CHECK(all.count(1, 2) == 2);
  CHECK(all.count(2, 3) == 1);
  CHECK(all.count(3, 2) == 1);
  CHECK(all.count(2, 2) == 1);
  CHECK(all.count(4, 1) == 1);
  CHECK(all.count(no_item, 1) == 2);
  CHECK(all.count(no_item, 4) == 1);
  CHECK(all.count(2, 1) == 0);
  CHECK(all.count(5, 1) == 0);
  CHECK(all.count(1, no_item) == 0);
  const TransitionCounts few(logs(), some);
  CHECK(few.count(1, 2) == 1);
  CHECK(few.count(2, 3) == 0);
}

TEST_CASE("support of a step counts from what was taken last") {
  const TransitionCounts counts(logs(), std::vector<UserId>{0, 1, 2});
  Trajectories paths;
  paths.slots = 1;
  paths.history_width = 2;
  // History 4, 1. Then 2 refused, 2 taken, 3 taken, 5 taken. And nobody's history, nothing shown, 1 taken.
  paths.episode_id = {0, 1};
  paths.first_step = {0, 4};
  paths.length = {4, 2};
  paths.history = {4, 1, 0, 0};
  paths.history_size = {2, 0};
  paths.items = {2, 2, 3, 5, 0, 1};
  paths.feedback = {0, 1, 1, 1, 0, 1};
  CHECK(step_support(counts, paths) == std::vector<std::int32_t>{2, 2, 1, 0, 0, 2});

  // A slate is one step: all its items follow what was taken before it.
  paths.slots = 2;
  paths.episode_id = {0};
  paths.first_step = {0};
  paths.length = {3};
  paths.items = {2, 3, 2, 3, 4, 5};
  paths.feedback = {1, 0, 1, 1, 0, 0};
  paths.history = {4, 1};
  paths.history_size = {2};
  CHECK(step_support(counts, paths) == std::vector<std::int32_t>{2, 0, 1, 1, 0, 0});
}

#include "env/engine.h"

#include <atomic>
#include <map>
#include <numeric>
#include <vector>

#include "env/error.h"
#include "env/policy_error.h"
#include "env/runtime.h"
#include "tests/test.h"
#include "tests/toys/line_world.h"
#include "tests/toys/policies.h"

using namespace veer;
using namespace veer::toys;

namespace {

std::vector<EpisodeId> ids(std::size_t count, EpisodeId first = 0) {
  std::vector<EpisodeId> result(count);
  std::iota(result.begin(), result.end(), first);
  return result;
}

/// One episode of the line world with a uniform policy, written as a plain loop without batch, shard or
/// engine.
struct PlainEpisode {
  std::vector<ItemId> items;
  std::vector<std::uint8_t> feedback;
  std::vector<float> probability;
  EndReason end = EndReason::running;
  double returned = 0.0;
};

PlainEpisode play_plainly(const LineWorldOptions& o, std::uint64_t seed, EpisodeId episode) {
  const LineUser user(o.items);
  PlainEpisode result;
  const StepKey start{seed, episode, 0};
  const auto items = static_cast<std::uint32_t>(o.items);
  const auto target = static_cast<ItemId>(1 + uniform_below(items, start, Stream::begin_episode, 1));
  std::vector<ItemId> history;
  for (std::int32_t i = 0; i < o.history; ++i) {
    history.push_back(static_cast<ItemId>(
        1 + uniform_below(items, start, Stream::begin_episode, static_cast<std::uint32_t>(2 + i))));
  }
  auto taste = static_cast<float>(user.start(history, o.history));
  float patience = o.patience;
  for (std::uint32_t step = 0; result.end == EndReason::running; ++step) {
    const StepKey key{seed, episode, step};
    const auto item = static_cast<ItemId>(1 + uniform_below(items, key, Stream::policy));
    const auto p = static_cast<float>(user.accepts(taste, item));
    const bool yes = uniform(key, Stream::choice, 0) < p;
    const auto before = static_cast<float>(user.log_interest(taste, target));
    if (yes) taste = static_cast<float>(user.moved(taste, item));
    if (!yes) patience -= 1.0F;
    result.items.push_back(item);
    result.feedback.push_back(yes ? 1 : 0);
    result.probability.push_back(p);
    if (yes && item == target) {
      result.end = EndReason::target_reached;
    } else if (patience <= 0.0F) {
      result.end = EndReason::user_left;
    } else if (static_cast<std::int32_t>(step) + 1 == o.horizon) {
      result.end = EndReason::horizon;
    }
    float reward = static_cast<float>(user.log_interest(taste, target)) - before;
    reward += result.end == EndReason::target_reached ? 2.0F : 0.0F;
    result.returned += double{reward};
  }
  return result;
}

}  // namespace

TEST_CASE("the engine plays what a plain loop plays") {
  const LineWorldOptions options;
  const LineWorld world(options);
  const UniformItems policy(20, 1);
  Engine engine(world, policy.spec(), {.rows = 100, .shard_rows = 32, .seed = 42});
  const Trajectories played = engine.evaluate(policy, Mode::sample, ids(500));
  REQUIRE(played.episodes() == 500);
  std::map<EndReason, int> reasons;
  for (std::size_t e = 0; e < 500; ++e) {
    CAPTURE(e);
    const PlainEpisode plain = play_plainly(options, 42, e);
    const auto first = static_cast<std::ptrdiff_t>(played.first_step[e]);
    REQUIRE(played.length[e] == static_cast<std::int32_t>(plain.items.size()));
    CHECK(std::equal(plain.items.begin(), plain.items.end(), played.items.begin() + first));
    CHECK(std::equal(plain.feedback.begin(), plain.feedback.end(), played.feedback.begin() + first));
    CHECK(std::equal(plain.probability.begin(), plain.probability.end(), played.probability.begin() + first));
    CHECK(played.end[e] == plain.end);
    CHECK(played.episode_return[e] == static_cast<float>(plain.returned));
    ++reasons[plain.end];
  }
  // The world really exercises every way to end.
  CHECK(reasons[EndReason::target_reached] > 10);
  CHECK(reasons[EndReason::user_left] > 10);
  CHECK(reasons[EndReason::horizon] > 10);
}

TEST_CASE("stepping and collecting play the episodes that evaluation plays") {
  const LineWorld world({});
  const auto policy = std::make_shared<UniformItems>(20, 1);
  constexpr std::int32_t rows = 70;
  constexpr std::int32_t steps = 25;
  Engine evaluator(world, policy->spec(), {.rows = 256, .shard_rows = 32, .seed = 9});
  const Trajectories expected = evaluator.evaluate(*policy, Mode::sample, ids(rows * (steps + 1)));

  Engine stepper(world, policy->spec(), {.rows = rows, .shard_rows = 32, .seed = 9});
  Engine collector(world, policy->spec(), {.rows = rows, .shard_rows = 32, .seed = 9});
  Rollout rollout(collector.shape(), steps);
  collector.collect(policy, Mode::sample, rollout);
  for (std::int32_t t = 0; t < steps; ++t) {
    stepper.step(policy, Mode::sample);
    for (std::int32_t row = 0; row < rows; ++row) {
      const auto i = static_cast<std::size_t>(t * rows + row);
      const Transitions& all = rollout.all();
      const auto e = static_cast<std::size_t>(all.episode[i]);
      CHECK(e % rows == static_cast<std::size_t>(row));
      const auto at = static_cast<std::size_t>(expected.first_step[e]) + all.step[i];
      CHECK(all.items[i] == expected.items[at]);
      CHECK(all.feedback[i] == expected.feedback[at]);
      const bool last = static_cast<std::int32_t>(all.step[i]) + 1 == expected.length[e];
      CHECK(all.end[i] == (last ? expected.end[e] : EndReason::running));
      const Shard shard = stepper.batch().shard(row / 32);
      CHECK(shard.items(row % 32) == (last ? no_item : all.items[i]));  // reset clears what was shown
      CHECK(shard.end(row % 32) == all.end[i]);
      CHECK(shard.reward(row % 32) == all.reward[i]);
    }
  }
}

TEST_CASE("rows rest after their episode when autoreset is off") {
  const LineWorld world({});
  const auto policy = std::make_shared<UniformItems>(20, 1);
  Engine engine(world, policy->spec(),
                {.rows = 40, .shard_rows = 32, .seed = 1, .autoreset = Autoreset::disabled});
  for (int t = 0; t < 6; ++t) engine.step(policy, Mode::sample);
  for (std::int32_t row = 0; row < 40; ++row) {
    const Shard shard = engine.batch().shard(row / 32);
    CHECK(shard.active(row % 32) == 0);
    CHECK(shard.episode(row % 32) == static_cast<EpisodeId>(row));
  }
  engine.reset();
  engine.step(policy, Mode::sample);
  CHECK(engine.batch().shard(0).step(0) == 1);
}

TEST_CASE("a checkpoint continues to the same bytes") {
  const LineWorld world({});
  const auto policy = std::make_shared<Walker>(4, false);
  const auto fresh = [&] { return Engine(world, policy->spec(), {.rows = 50, .shard_rows = 32, .seed = 5}); };
  Engine whole = fresh();
  NamedArrays saved;
  for (int t = 0; t < 7; ++t) whole.step(policy, Mode::sample);
  whole.save(saved);
  Engine resumed = fresh();
  resumed.load(saved);
  for (int t = 0; t < 9; ++t) {
    whole.step(policy, Mode::sample);
    resumed.step(policy, Mode::sample);
  }
  NamedArrays a, b;
  whole.save(a);
  resumed.save(b);
  for (const auto& [name, array] : a.all()) {
    CAPTURE(name);
    CHECK(array.bytes == b.at(name).bytes);
  }
  Engine other(world, policy->spec(), {.rows = 80, .shard_rows = 32, .seed = 5});
  CHECK_THROWS_AS(other.load(saved), FormatError);
}

TEST_CASE("combinations that do not fit are refused by name") {
  const LineWorld one({}), slate({.slots = 3}), vector({.reals = 1});
  const auto build = [](const Scenario& world, const Policy& policy, EngineOptions options = {}) {
    Engine engine(world, policy.spec(), options);
  };
  const UniformItems single(20, 1), triple(20, 3);
  CHECK_THROWS_WITH_AS(build(one, triple), doctest::Contains("3 items per step"), ConfigError);
  CHECK_THROWS_WITH_AS(build(slate, single), doctest::Contains("line-v1"), ConfigError);
  CHECK_THROWS_WITH_AS(build(vector, single), doctest::Contains("real numbers"), ConfigError);
  CHECK_THROWS_AS(build(one, Pointer(20)), ConfigError);
  CHECK_THROWS_WITH_AS(build(one, single, {.shard_rows = 48}), doctest::Contains("multiple of 32"),
                       ConfigError);
  CHECK_THROWS_AS(build(one, single, {.rows = 0}), ConfigError);
  const UniformItems foreign(25, 1);
  Engine engine(one, foreign.spec(), {});
  CHECK_THROWS_WITH_AS(engine.evaluate(foreign, Mode::sample, ids(100)), doctest::Contains("20"),
                       PolicyError);
}

TEST_CASE("an interrupt stops evaluation at a step") {
  const LineWorld world({});
  const UniformItems policy(20, 1);
  Engine engine(world, policy.spec(), {});
  request_interrupt();
  CHECK_THROWS_AS(engine.evaluate(policy, Mode::sample, ids(10)), Interrupted);
  clear_interrupt();
  CHECK(engine.evaluate(policy, Mode::sample, ids(10)).episodes() == 10);
}

namespace {

/// Plays like UniformItems; its scratch claims a megabyte of caches and counts how many exist.
class Hungry : public UniformItems {
 public:
  using UniformItems::UniformItems;
  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape&) const override {
    ++made;
    return std::make_unique<Workspace>();
  }
  std::size_t working_bytes(const WorkspaceShape&) const noexcept override { return std::size_t{1} << 20; }
  mutable std::atomic<int> made = 0;
};

/// A judge whose every call claims a megabyte and counts how many run at once.
class HungryJudge : public LineUser {
 public:
  using LineUser::LineUser;
  void score_paths(const PathQuery& query, const PathScores& out, Workspace& workspace) const override {
    const int now = ++running;
    for (int most = largest; now > most && !largest.compare_exchange_weak(most, now);) {
    }
    LineUser::score_paths(query, out, workspace);
    --running;
  }
  std::size_t scoring_bytes(std::int32_t, std::int32_t, std::int32_t) const noexcept override {
    return std::size_t{1} << 20;
  }
  mutable std::atomic<int> running = 0, largest = 0;
};

}  // namespace

TEST_CASE("a bound on caches lets fewer shards and judges work at once, and changes nothing") {
  const LineWorld world({.items = 200});
  const auto all_ids = ids(900);
  const auto play_with = [&](std::int64_t cache_mb, int most) {
    const Hungry policy(200, 1);
    const HungryJudge judge(200);
    Engine engine(world, policy.spec(), {.rows = 320, .shard_rows = 32, .seed = 4, .cache_mb = cache_mb});
    CHECK(engine.shards_at_once(policy) == most);
    Trajectories paths = engine.evaluate(policy, Mode::sample, all_ids);
    CHECK(policy.made <= most);
    judge_paths(judge, "line", paths, cache_mb);
    CHECK(judge.largest <= most);
    return paths;
  };
  const Trajectories wide = play_with(1'000, 1'000);
  for (const auto& [cache_mb, most] : {std::pair{0, 1}, {1, 1}, {2, 2}}) {
    CAPTURE(cache_mb);
    const Trajectories narrow = play_with(cache_mb, most);
    CHECK(narrow.items == wide.items);
    CHECK(narrow.feedback == wide.feedback);
    CHECK(narrow.probability == wide.probability);
    CHECK(narrow.judges[0].interest == wide.judges[0].interest);
    CHECK(narrow.judges[0].rank == wide.judges[0].rank);
  }
}

TEST_CASE("the first steps of every episode are those it began with") {
  const LineWorld world({});
  const UniformItems policy(20, 1);
  const LineUser judge(20);
  const auto all_ids = ids(60);
  Engine engine(world, policy.spec(), {.rows = 32, .shard_rows = 32, .seed = 4});
  Trajectories all = engine.evaluate(policy, Mode::sample, all_ids);
  judge_paths(judge, "line", all);
  const std::int32_t longest = *std::ranges::max_element(all.length);
  REQUIRE(longest > 2);
  const Trajectories whole = first_steps(all, longest);
  CHECK(whole.items == all.items);
  CHECK(whole.end == all.end);
  CHECK(whole.judges[0].interest == all.judges[0].interest);
  const Trajectories part = first_steps(all, 2);
  CHECK(part.episode_id == all.episode_id);
  CHECK(part.history == all.history);
  CHECK(part.judges[0].start_interest == all.judges[0].start_interest);
  std::int64_t steps = 0;
  for (std::size_t e = 0; e < all.length.size(); ++e) {
    CHECK(part.first_step[e] == steps);
    CHECK(part.length[e] == std::min(all.length[e], 2));
    CHECK(part.end[e] == (all.length[e] > 2 ? EndReason::horizon : all.end[e]));
    for (std::int32_t k = 0; k < part.length[e]; ++k, ++steps) {
      const auto to = static_cast<std::size_t>(steps), from = static_cast<std::size_t>(all.first_step[e] + k);
      CHECK(part.episode[to] == all.episode_id[e]);
      CHECK(part.items[to] == all.items[from]);
      CHECK(part.feedback[to] == all.feedback[from]);
      CHECK(part.judges[0].interest[to] == all.judges[0].interest[from]);
      CHECK(part.judges[0].rank[to] == all.judges[0].rank[from]);
    }
  }
  CHECK(part.steps() == steps);
}

TEST_CASE("a cut holds the same episodes as playing them alone") {
  const LineWorld world({.modifier = true});
  const UniformItems policy(20, 1);
  const LineUser judge(20);
  const auto all_ids = ids(300);
  const auto play_and_judge = [&](std::span<const EpisodeId> which) {
    Engine engine(world, policy.spec(), {.rows = 256, .shard_rows = 32, .seed = 4});
    Trajectories paths = engine.evaluate(policy, Mode::sample, which);
    judge_paths(judge, "line", paths);
    return paths;
  };
  const Trajectories all = play_and_judge(all_ids);
  Trajectories joined;
  for (const auto& [first, last] :
       {std::pair<std::size_t, std::size_t>{0, 0}, {0, 7}, {7, 250}, {250, 300}}) {
    CAPTURE(first);
    const Trajectories part = cut(all, static_cast<std::int64_t>(first), static_cast<std::int64_t>(last));
    const Trajectories alone = play_and_judge(std::span(all_ids).subspan(first, last - first));
    CHECK(part.episode == alone.episode);
    CHECK(part.step == alone.step);
    CHECK(part.user == alone.user);
    CHECK(part.target == alone.target);
    CHECK(part.items == alone.items);
    CHECK(part.feedback == alone.feedback);
    CHECK(part.probability == alone.probability);
    CHECK(part.log_prob == alone.log_prob);
    CHECK(part.modifiers == alone.modifiers);
    CHECK(part.episode_id == alone.episode_id);
    CHECK(part.first_step == alone.first_step);
    CHECK(part.length == alone.length);
    CHECK(part.episode_user == alone.episode_user);
    CHECK(part.episode_target == alone.episode_target);
    CHECK(part.history == alone.history);
    CHECK(part.history_size == alone.history_size);
    CHECK(part.end == alone.end);
    CHECK(part.start_modifiers == alone.start_modifiers);
    CHECK(part.episode_return == alone.episode_return);
    REQUIRE(part.judges.size() == 1);
    CHECK(part.judges[0].judge == "line");
    CHECK(part.judges[0].acceptance == alone.judges[0].acceptance);
    CHECK(part.judges[0].interest == alone.judges[0].interest);
    CHECK(part.judges[0].rank == alone.judges[0].rank);
    CHECK(part.judges[0].start_interest == alone.judges[0].start_interest);
    CHECK(part.judges[0].start_rank == alone.judges[0].start_rank);
    joined.append(part);
  }
  CHECK(joined.items == all.items);
  CHECK(joined.first_step == all.first_step);
}

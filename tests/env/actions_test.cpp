// Slates, plans and vectors go through the same loop.
#include <cmath>
#include <numeric>
#include <vector>

#include "env/engine.h"
#include "env/error.h"
#include "env/policy_error.h"
#include "tests/test.h"
#include "tests/toys/line_world.h"
#include "tests/toys/policies.h"

using namespace veer;
using namespace veer::toys;

namespace {

Trajectories play(const LineWorld& world, const Policy& policy, Mode mode, std::size_t count) {
  std::vector<EpisodeId> ids(count);
  std::iota(ids.begin(), ids.end(), EpisodeId{0});
  Engine engine(world, policy.spec(), {.rows = 64, .shard_rows = 32, .seed = 3});
  return engine.evaluate(policy, mode, ids);
}

}  // namespace

TEST_CASE("a slate gets an answer per slot, and every accepted item enters the history") {
  const LineWorld world({.horizon = 3, .slots = 3, .patience = 100.0F});
  const auto policy = std::make_shared<UniformItems>(20, 3);
  Engine engine(world, policy->spec(), {.rows = 64, .shard_rows = 32, .seed = 3});
  Rollout rollout(engine.shape(), 1);
  engine.collect(policy, Mode::sample, rollout);
  const Transitions& all = rollout.all();
  int several = 0;
  for (std::size_t i = 0; i < 64; ++i) {
    std::vector<ItemId> expected(all.history.begin() + static_cast<std::ptrdiff_t>(5 * i),
                                 all.history.begin() + static_cast<std::ptrdiff_t>(5 * i + 3));
    int yes = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      CHECK(all.items[3 * i + k] != all.items[3 * i + (k + 1) % 3]);
      if (all.feedback[3 * i + k] == 0) continue;
      ++yes;
      expected.push_back(all.items[3 * i + k]);
    }
    several += yes > 1 ? 1 : 0;
    if (expected.size() > 5) expected.erase(expected.begin(), expected.end() - 5);
    CHECK(std::equal(expected.begin(), expected.end(),
                     all.next_history.begin() + static_cast<std::ptrdiff_t>(5 * i)));
  }
  CHECK(several > 5);
}

TEST_CASE("an open-loop plan is shown to its end; a closed loop plans after every answer") {
  const LineWorldOptions options{.horizon = 6, .acceptance = Acceptance::always, .rewards = false};
  const LineWorld world(options);
  const Trajectories open = play(world, Walker(3, false), Mode::greedy, 50);
  const Trajectories closed = play(world, Walker(3, true), Mode::greedy, 50);
  int differ = 0;
  for (std::size_t e = 0; e < 50; ++e) {
    const ItemId start = open.history[3 * e + 2];
    const ItemId target = open.episode_target[e];
    const auto first = static_cast<std::size_t>(open.first_step[e]);
    for (std::int32_t k = 0; k < std::min(3, open.length[e]); ++k) {
      CHECK(open.items[first + static_cast<std::size_t>(k)] == start + (target - start) * (k + 1) / 3);
    }
    // The third step of a closed loop is the first step of a plan made from the second item.
    const auto from = static_cast<std::size_t>(closed.first_step[e]);
    ItemId at = start;
    for (std::int32_t k = 0; k < closed.length[e]; ++k) {
      at = at + (target - at) / 3;
      CHECK(closed.items[from + static_cast<std::size_t>(k)] == std::max(1, at));
      if (k < open.length[e] &&
          closed.items[from + static_cast<std::size_t>(k)] != open.items[first + static_cast<std::size_t>(k)])
        ++differ;
    }
  }
  CHECK(differ > 20);
}

TEST_CASE("a policy that stops ends the episode, and what it did not show is not in the path") {
  const LineWorld world({.horizon = 6, .patience = 100.0F});
  const Trajectories played = play(world, Walker(2, false, 1), Mode::greedy, 60);
  int stopped = 0;
  for (std::size_t e = 0; e < 60; ++e) {
    CHECK(played.length[e] <= 2);
    if (played.end[e] == EndReason::policy_stopped) {
      ++stopped;
      CHECK(played.length[e] == 2);
    }
  }
  CHECK(stopped > 20);
}

TEST_CASE("a vector action becomes an item through the scenario") {
  const LineWorld world({.horizon = 4, .reals = 1, .acceptance = Acceptance::always});
  const Trajectories exact = play(world, Pointer(20), Mode::greedy, 40);
  for (std::size_t e = 0; e < 40; ++e) {
    CHECK(exact.items[static_cast<std::size_t>(exact.first_step[e])] == exact.episode_target[e]);
    CHECK(exact.end[e] == EndReason::target_reached);
    CHECK(exact.length[e] == 1);
  }
  const Trajectories noisy = play(world, Pointer(20), Mode::sample, 40);
  CHECK(noisy.steps() > exact.steps());
  CHECK(noisy.action_reals.size() == static_cast<std::size_t>(noisy.steps()));
}

TEST_CASE("a modifier column reaches the user model") {
  const LineWorldOptions plain{.patience = 100.0F};
  LineWorldOptions halved = plain;
  halved.modifier = true;  // every second user answers yes half as often
  const UniformItems policy(20, 1);
  const Trajectories full = play(LineWorld(plain), policy, Mode::sample, 200);
  const Trajectories half = play(LineWorld(halved), policy, Mode::sample, 200);
  for (std::size_t e = 0; e < 200; ++e) {
    const float p = full.probability[static_cast<std::size_t>(full.first_step[e])];
    const float q = half.probability[static_cast<std::size_t>(half.first_step[e])];
    CHECK(q == doctest::Approx(p * (full.episode_user[e] % 2 == 0 ? 1.0 : 0.5)));
  }
}

TEST_CASE("judges measure the world under the modifiers that held at each step") {
  /// People tire: after every step they say yes a tenth less often.
  class Tiring : public LineWorld {
   public:
    using LineWorld::LineWorld;
    void settle(Rows rows, Shard& shard) const override {
      LineWorld::settle(rows, shard);
      for (const std::int32_t r : rows) shard.modifiers(r, 0) *= 0.9F;
    }
  };
  const Tiring world({.patience = 4.0F, .modifier = true});
  Trajectories paths = play(world, UniformItems(20, 1), Mode::sample, 200);
  CHECK(paths.modifier_width == 1);
  judge_paths(LineUser(20), "line", paths);
  bool paths_of_several_lengths = false;
  for (std::size_t e = 0; e < 200; ++e) {
    paths_of_several_lengths = paths_of_several_lengths || paths.length[e] != paths.length[0];
    CHECK(paths.start_modifiers[e] == (paths.episode_user[e] % 2 == 0 ? 1.0F : 0.5F));
    for (std::int32_t k = 0; k < paths.length[e]; ++k) {
      const auto s = static_cast<std::size_t>(paths.first_step[e] + k);
      CHECK(paths.modifiers[s] == doctest::Approx(paths.start_modifiers[e] * std::pow(0.9, k + 1)));
      CHECK(paths.judges[0].acceptance[s] == paths.probability[s]);
    }
  }
  CHECK(paths_of_several_lengths);
}

TEST_CASE("a plan's log-probability is recorded once, and a plan wider than declared is refused") {
  class Planner : public Walker {
   public:
    Planner(std::int32_t length, std::int32_t claimed) : Walker(length, false), claimed_(claimed) {}
    void act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions,
             Mode mode) const override {
      Walker::act(rows, seen, state, actions, mode);
      for (const std::int32_t r : rows) {
        actions.log_prob(r) = -1.5F;
        actions.plan_size(r) = claimed_;
      }
    }

   private:
    std::int32_t claimed_;
  };
  const LineWorld world({.horizon = 6, .acceptance = Acceptance::always, .rewards = false});
  const Trajectories played = play(world, Planner(3, 3), Mode::sample, 40);
  for (std::size_t i = 0; i < played.log_prob.size(); ++i) {
    CHECK(played.log_prob[i] == (played.step[i] % 3 == 0 ? -1.5F : 0.0F));
  }
  CHECK_THROWS_WITH_AS(play(world, Planner(3, 4), Mode::sample, 40), doctest::Contains("expected 0 to 3"),
                       PolicyError);
}

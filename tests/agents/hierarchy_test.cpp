// Managers and workers, and the agents they are made of, where the answer is known.
#include "agents/hierarchy/manager_worker.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "env/error.h"
#include "env/random.h"
#include "tests/test.h"

namespace veer::hierarchy {
namespace {

using doctest::Approx;

TEST_CASE("TD3 finds the best action of one step, and what two steps are worth together") {
  // The best action is half the state; a second state, reached by actions above 0 alone, pays 2 at once.
  Td3 agent({.state = 2, .action = 1, .target_rate = 0.02F}, 1, 0);
  for (std::uint32_t u = 0; u < 1500; ++u) {
    Td3Batch batch{.count = 32};
    for (std::uint32_t i = 0; i < 32; ++i) {
      const float s = 2.0F * uniform({3, u, i}, Stream::generate) - 1.0F;
      const float a = 2.0F * uniform({3, u, i}, Stream::generate, 1) - 1.0F;
      const bool second = i % 4 == 3;
      batch.state.insert(batch.state.end(), {s, second ? 1.0F : 0.0F});
      batch.action.push_back(a);
      batch.gain.push_back(second ? 2.0F : -(a - 0.5F * s) * (a - 0.5F * s));
      batch.next_state.insert(batch.next_state.end(), {0.0F, 1.0F});
      batch.discount.push_back(!second && i % 4 == 2 && a > 0.0F ? 0.5F : 0.0F);
    }
    (void)agent.update(batch);
  }
  const Actor actor = agent.actor();
  DenseNetwork::Pass pass;
  std::vector<float> action(1);
  // In a third of the first states the way on pays for actions above 0, by 0.5 * 2 * 1/3.
  actor.act(std::vector<float>{0.8F, 0.0F}, action, pass);
  CHECK(action[0] == Approx(0.4).epsilon(0.3));
  actor.act(std::vector<float>{-0.4F, 0.0F}, action, pass);
  CHECK(action[0] > -0.1F);
}

TEST_CASE("goals move with the person") {
  std::vector<float> goal{0.5F, -0.25F};
  move_goal(std::vector<float>{1.0F, 0.0F}, std::vector<float>{0.75F, 0.5F}, goal);
  CHECK(goal == std::vector<float>{0.75F, -0.75F});  // what was wanted stays the same place
}

HierarchyOptions small_hierarchy(bool manager) {
  HierarchyOptions o;
  o.dimensions = 2;
  o.has_manager = manager;
  o.span = 3;
  o.hidden = 8;
  o.batch = 16;
  o.updates = 12;
  o.warm_up = 20;
  o.remembered = 6;
  return o;
}

/// Episodes of six steps in which a learner's own policy acts and x goes a quarter of the way of the action.
class EpisodeTable final : public TransitionSource {
 public:
  EpisodeTable(const HierarchyLearner& learner, Mode mode, std::int32_t episodes) {
    const auto policy = learner.snapshot();
    const std::int32_t memory = policy->spec().state_width;
    const BatchShape shape{.rows = episodes,
                           .shard_rows = episodes,
                           .reals = 2,
                           .features = 5,
                           .policy_state = memory,
                           .reward_terms = 1};
    all_.resize(6 * episodes, shape);
    Batch batch(shape, 1);
    Shard shard = batch.shard(0);
    std::vector<std::int32_t> rows;
    for (std::int32_t e = 0; e < episodes; ++e) {
      rows.push_back(e);
      shard.episode(e) = static_cast<EpisodeId>(100 + e);
      fill_uniform({1, static_cast<EpisodeId>(e), 0}, Stream::generate, shard.features.row(e));
    }
    Workspace none;
    for (std::uint32_t t = 0; t < 6; ++t) {
      for (const std::int32_t e : rows) shard.step(e) = t;
      PolicyState state{shard.policy_state, none};
      Actions actions{shard.items, {}, shard.reals, shard.log_prob};
      std::vector<float> before(shard.features.row(0).data(), shard.features.row(0).data() + 5 * episodes);
      policy->act(rows, observe(shard), state, actions, mode);
      for (const std::int32_t e : rows) {
        const auto i = at(static_cast<std::int64_t>(t) * episodes + e);
        std::copy_n(before.begin() + 5 * e, 5, all_.observed.begin() + static_cast<std::ptrdiff_t>(5 * i));
        for (std::int32_t d = 0; d < 2; ++d) shard.features(e, d) += 0.25F * shard.reals(e, d);
        std::ranges::copy(shard.features.row(e),
                          all_.next_observed.begin() + static_cast<std::ptrdiff_t>(5 * i));
        std::ranges::copy(shard.reals.row(e), all_.action_reals.begin() + static_cast<std::ptrdiff_t>(2 * i));
        std::ranges::copy(shard.policy_state.row(e),
                          all_.memory.begin() + static_cast<std::ptrdiff_t>(i) * memory);
        all_.episode[i] = shard.episode(e);
        all_.step[i] = t;
        all_.reward[i] = shard.features(e, 0);
        all_.end[i] = t == 5 ? EndReason::horizon : EndReason::running;
      }
    }
  }
  std::int64_t size() const noexcept override { return all_.count; }
  void gather(std::span<const std::int64_t> indices, Transitions& out) const override {
    out.resize(static_cast<std::int32_t>(indices.size()), all_);
    for (std::size_t i = 0; i < indices.size(); ++i)
      out.copy_from(all_, indices[i], static_cast<std::int64_t>(i));
  }
  const Transitions& all() const { return all_; }

 private:
  Transitions all_;
};

TEST_CASE("a goal that the worker followed is kept, one that it did not is replaced by what came about") {
  HierarchyOptions options = small_hierarchy(true);
  options.warm_up = 0;
  const HierarchyLearner learner(options, 3);
  const EpisodeTable played(learner, Mode::greedy, 4);
  const Transitions& t = played.all();
  for (std::int32_t e = 0; e < 4; ++e) {
    HierarchyLearner::Episode episode;
    episode.steps = 6;
    for (std::int32_t k = 0; k < 6; ++k) {
      const auto i = at(std::int64_t{k} * 4 + e);
      episode.seen.insert(episode.seen.end(), &t.observed[5 * i], &t.observed[5 * i] + 5);
      episode.direction.insert(episode.direction.end(), &t.action_reals[2 * i], &t.action_reals[2 * i] + 2);
      episode.goal.insert(episode.goal.end(), &t.memory[4 * i], &t.memory[4 * i] + 2);
      if (k == 5)
        episode.seen.insert(episode.seen.end(), &t.next_observed[5 * i], &t.next_observed[5 * i] + 5);
    }
    // Within a span goals move against the person: the place that is wanted stays.
    for (std::int32_t d = 0; d < 2; ++d) {
      const float wanted = episode.seen[at(d)] + episode.goal[at(d)];
      CHECK(episode.seen[at(5 + d)] + episode.goal[at(2 + d)] == Approx(wanted));
      CHECK(episode.seen[at(10 + d)] + episode.goal[at(4 + d)] == Approx(wanted));
    }
    const std::vector<float> own{episode.goal[6], episode.goal[7]};  // the second span's
    CHECK(learner.relabelled_goal(episode, 3, {1, 1, 1}) == own);
    episode.goal[6] = own[0] > 0.0F ? -1.0F : 1.0F;
    episode.goal[7] = own[1] > 0.0F ? -1.0F : 1.0F;
    CHECK(learner.relabelled_goal(episode, 3, {1, 1, 1}) !=
          std::vector<float>{episode.goal[6], episode.goal[7]});
  }
}

TEST_CASE("managers, workers and flat agents learn, go on from a file, and have equally many parameters") {
  for (const bool manager : {true, false}) {
    CAPTURE(manager);
    HierarchyLearner one(small_hierarchy(manager), 1), two(small_hierarchy(manager), 2);
    const EpisodeTable played(one, Mode::sample, 4);
    const UpdateStats first = one.update(played);
    CHECK(first.contains("critic_loss"));
    CHECK(first.contains("relabelled") == manager);
    (void)one.update(played);  // the oldest two of eight episodes are forgotten
    NamedArrays file;
    one.save(file);
    two.load(file);
    HierarchyLearner same(small_hierarchy(manager), 1);
    same.load(file);
    CHECK(one.update(played) == same.update(played));
    HierarchyOptions wide = small_hierarchy(manager);
    wide.dimensions = 3;
    HierarchyLearner other(wide, 1);
    CHECK_THROWS_WITH_AS((void)other.update(played), doctest::Contains("width"), ConfigError);
  }
  HierarchyOptions flat = small_hierarchy(false);
  flat.hidden = flat_width_like(small_hierarchy(true));
  const auto parameters = [](const HierarchyOptions& o) {
    return static_cast<double>(HierarchyLearner(o, 1).parameters());
  };
  CHECK(parameters(flat) == Approx(parameters(small_hierarchy(true))).epsilon(0.08));
  HierarchyOptions wrong = small_hierarchy(true);
  wrong.span = 0;
  CHECK_THROWS_WITH_AS(HierarchyLearner(wrong, 1), doctest::Contains("span"), ConfigError);
}

}  // namespace
}  // namespace veer::hierarchy

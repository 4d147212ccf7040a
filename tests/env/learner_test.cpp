// A learner on a world whose optimum is known, and the promise that a killed training continues to the same
// bytes.
#include "env/learner.h"

#include <cmath>
#include <memory>
#include <numeric>
#include <vector>

#include "env/engine.h"
#include "tests/test.h"
#include "tests/toys/line_world.h"

using namespace veer;
using namespace veer::toys;

namespace {

/// Item = argmax of a table q[target, item], with epsilon-greedy exploration in sampling mode.
class TablePolicy : public Policy {
 public:
  TablePolicy(std::int32_t items, std::vector<double> values) : items_(items), values_(std::move(values)) {
    spec_ = {.name = "table", .action = ActionKind::item, .width = 1};
  }
  const PolicySpec& spec() const noexcept override { return spec_; }
  void act(Rows rows, const Observation& seen, PolicyState&, Actions& actions, Mode mode) const override {
    for (const std::int32_t r : rows) {
      const auto first = values_.begin() + std::ptrdiff_t{seen.target(r)} * (items_ + 1);
      auto item = static_cast<ItemId>(std::max_element(first + 1, first + items_ + 1) - first);
      if (mode == Mode::sample && uniform(seen.key(r), Stream::explore) < 0.5F) {
        item = static_cast<ItemId>(
            1 + uniform_below(static_cast<std::uint32_t>(items_), seen.key(r), Stream::policy));
      }
      actions.items(r, 0) = item;
      actions.log_prob(r) = 0.0F;
    }
  }

 private:
  PolicySpec spec_;
  std::int32_t items_;
  std::vector<double> values_;
};

/// Tabular Q-learning on (target, item); bootstraps past truncation only.
class TableLearner : public Learner {
 public:
  explicit TableLearner(std::int32_t items)
      : items_(items), q_(static_cast<std::size_t>((items + 1) * (items + 1)), 0.0) {}

  UpdateStats update(const TransitionSource& source) override {
    std::vector<std::int64_t> indices(static_cast<std::size_t>(source.size()));
    std::iota(indices.begin(), indices.end(), 0);
    Transitions t;
    source.gather(indices, t);
    double change = 0.0;
    for (std::size_t i = 0; i < indices.size(); ++i) {
      const auto row = static_cast<std::size_t>(t.target[i] * (items_ + 1));
      const double best = *std::max_element(q_.begin() + static_cast<std::ptrdiff_t>(row + 1),
                                            q_.begin() + static_cast<std::ptrdiff_t>(row + 1) + items_);
      const double next = is_terminated(t.end[i]) ? 0.0 : 0.9 * best;
      double& q = q_[row + static_cast<std::size_t>(t.items[i])];
      const double delta = t.reward[i] + next - q;
      q += 0.1 * delta;
      change += std::abs(delta);
    }
    ++updates_;
    return {{"mean_change", change / static_cast<double>(indices.size())}};
  }
  std::shared_ptr<const Policy> snapshot() const override {
    return std::make_shared<TablePolicy>(items_, q_);
  }
  void save(NamedArrays& out) const override {
    out.set<double>("q", q_);
    out.set_scalar<std::int64_t>("updates", updates_);
  }
  void load(const NamedArrays& in) override {
    const auto q = in.get<double>("q");
    q_.assign(q.begin(), q.end());
    updates_ = in.scalar<std::int64_t>("updates");
  }

 private:
  std::int32_t items_;
  std::vector<double> q_;
  std::int64_t updates_ = 0;
};

void train(Engine& engine, TableLearner& learner, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    Rollout rollout(engine.shape(), 4);
    engine.collect(learner.snapshot(), Mode::sample, rollout);
    learner.update(rollout);
  }
}

}  // namespace

TEST_CASE("Q-learning finds the only rewarded action: show the target") {
  // Everything is accepted and only reaching the target pays, so the best item for target g is g.
  LineWorldOptions options{
      .items = 5, .horizon = 3, .acceptance = Acceptance::always, .interest_weight = 0.0F};
  const LineWorld world(options);
  TableLearner learner(5);
  Engine engine(world, learner.snapshot()->spec(), {.rows = 64, .shard_rows = 32, .seed = 8});
  train(engine, learner, 150);
  std::vector<EpisodeId> ids(200);
  std::iota(ids.begin(), ids.end(), EpisodeId{1} << 40);
  const Trajectories played = engine.evaluate(*learner.snapshot(), Mode::greedy, ids);
  for (std::size_t e = 0; e < ids.size(); ++e) {
    CHECK(played.end[e] == EndReason::target_reached);
    CHECK(played.length[e] == 1);
  }
}

TEST_CASE("training that was killed and resumed has the same bytes") {
  const LineWorld world({.items = 5, .horizon = 3});
  const auto build = [&](const TableLearner& learner) {
    return Engine(world, learner.snapshot()->spec(), {.rows = 64, .shard_rows = 32, .seed = 8});
  };
  TableLearner whole(5);
  Engine engine = build(whole);
  train(engine, whole, 10);
  NamedArrays checkpoint, world_state, learner_state;
  engine.save(world_state);
  whole.save(learner_state);
  checkpoint.put_group("engine", world_state);
  checkpoint.put_group("learner", learner_state);

  TableLearner resumed(5);
  Engine second = build(resumed);
  resumed.load(checkpoint.group("learner"));
  second.load(checkpoint.group("engine"));
  train(engine, whole, 10);
  train(second, resumed, 10);
  NamedArrays a, b;
  whole.save(a);
  resumed.save(b);
  CHECK(a.at("q").bytes == b.at("q").bytes);
  CHECK(a.at("updates").bytes == b.at("updates").bytes);
}

// Acting that goes on while a learner updates, with a learner that only counts.
#include "agents/replay/acting_ahead.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "agents/replay/online_training.h"
#include "env/error.h"
#include "tests/toys/cluster_world.h"
#include "tests/test.h"

namespace veer::slate {
namespace {

const toys::ClusterWorldOptions world_options;

OnlineOptions twenty_collections() {
  OnlineOptions o;
  o.engine = {.rows = 32, .shard_rows = 32, .seed = 5};
  o.steps = 32 * 20;
  o.replay = 4000;
  return o;
}

/// Shows the first items, and says as its log-probability how many updates it has seen.
class CountedPolicy final : public Policy {
 public:
  CountedPolicy(std::int32_t slots, std::int64_t updates) : updates_(static_cast<float>(updates)) {
    spec_ = {.name = "counted", .action = ActionKind::slate, .width = slots};
  }
  const PolicySpec& spec() const noexcept override { return spec_; }
  void act(Rows rows, const Observation&, PolicyState&, Actions& actions, Mode) const override {
    for (const std::int32_t row : rows) {
      for (std::int32_t k = 0; k < spec_.width; ++k) actions.items(row, k) = k + 1;
      actions.log_prob(row) = updates_;
    }
  }

 private:
  PolicySpec spec_;
  float updates_;
};

/// Counts its updates, and remembers how much it could learn from at each.
class CountingLearner final : public Learner {
 public:
  UpdateStats update(const TransitionSource& source) override {
    sizes.push_back(source.size());
    return {};
  }
  std::shared_ptr<const Policy> snapshot() const override {
    return std::make_shared<CountedPolicy>(world_options.slots, std::ssize(sizes));
  }
  void save(NamedArrays& out) const override { out.set<std::int64_t>("sizes", sizes); }
  void load(const NamedArrays& in) override {
    const auto found = in.get<std::int64_t>("sizes");
    sizes.assign(found.begin(), found.end());
  }
  std::vector<std::int64_t> sizes;
};

}  // namespace

TEST_CASE("a collection is made by the weights of exactly so many updates ago") {
  const toys::ClusterWorld world(world_options);
  for (const std::int32_t staleness : {0, 1, 3}) {
    CountingLearner learner;
    OnlineOptions o = twenty_collections();
    o.learning_starts = 1;
    o.report_every = 7 * 32;
    o.staleness = staleness;
    std::vector<float> acted;
    o.collected = [&](const Transitions& t) { acted.push_back(t.log_prob[0]); };
    const OnlineResult result = train_online(world, learner, o);
    REQUIRE(acted.size() == 20);
    for (int c = 0; c < 20; ++c) CHECK(acted[at(c)] == static_cast<float>(std::max(0, c - staleness)));
    // What is learned from is what was collected by then, whatever else is on its way.
    REQUIRE(learner.sizes.size() == 20);
    for (int c = 0; c < 20; ++c) CHECK(learner.sizes[at(c)] == 32 * (c + 1));
    CHECK(result.records.size() == 3);
    CHECK(result.steps_here == 640);
  }
}

TEST_CASE("an error of acting or of learning ends training that acts ahead") {
  const toys::ClusterWorld world(world_options);
  class Failing final : public Learner {
   public:
    UpdateStats update(const TransitionSource&) override { throw DataError("no update"); }
    std::shared_ptr<const Policy> snapshot() const override {
      return std::make_shared<CountedPolicy>(world_options.slots, 0);
    }
    void save(NamedArrays&) const override {}
    void load(const NamedArrays&) override {}
  };
  OnlineOptions o = twenty_collections();
  o.learning_starts = 1;
  o.staleness = 2;
  Failing failing;
  CHECK_THROWS_WITH_AS(train_online(world, failing, o), "no update", DataError);
  // Items outside the catalogue: the world refuses the step, on the other thread.
  class Lost final : public Policy {
   public:
    Lost() { spec_ = {.name = "lost", .action = ActionKind::slate, .width = world_options.slots}; }
    const PolicySpec& spec() const noexcept override { return spec_; }
    void act(Rows, const Observation&, PolicyState&, Actions&, Mode) const override {
      throw DataError("no action");
    }

   private:
    PolicySpec spec_;
  };
  CountingLearner learner;
  o.warm_up = std::make_shared<Lost>();
  CHECK_THROWS_WITH_AS(train_online(world, learner, o), "no action", DataError);
}

}  // namespace veer::slate

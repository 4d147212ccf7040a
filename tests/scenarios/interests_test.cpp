// interests-v1: how interests move, and that purchases come as late as they should.
#include "scenarios/interests/interests.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "agents/baselines/noisy_weights.h"
#include "agents/baselines/plain_weights.h"
#include "agents/hierarchy/manager_worker.h"
#include "env/engine.h"
#include "env/error.h"
#include "env/loop/rollout.h"
#include "tests/conformance/conformance.h"
#include "tests/test.h"

namespace veer {
namespace {

using doctest::Approx;

InterestScenario interests(std::int32_t delay, float drift = 0.05F) {
  return InterestScenario({.world = std::make_shared<InterestWorld>(
                               InterestParameters{.items = 20, .delay = delay, .drift = drift}),
                           .horizon = 12});
}

TEST_CASE("interests conform, and so do agents with and without a manager") {
  const InterestScenario world = interests(4);
  conformance::check_scenario(world, std::make_shared<RandomWeights>("random", 3));
  for (const bool manager : {true, false}) {
    hierarchy::HierarchyOptions options;
    options.has_manager = manager;
    options.warm_up = 0;
    conformance::check_policy(*hierarchy::HierarchyLearner(options, 1).snapshot(), world);
  }
}

TEST_CASE("an interest moves towards what is taken, by hand") {
  const InterestWorld world({.items = 5, .drift = 0.0F});
  const std::span<const float> v = world.item(2);
  CHECK(double{v[0] * v[0] + v[1] * v[1] + v[2] * v[2]} == Approx(1.0));
  CHECK(world.nearest(v) == 2);
  CHECK(world.take_probability(v, 2) == Approx(1.0 / (1.0 + std::exp(-2.0))));
  std::vector<float> x{1.0F, 0.0F, 0.0F};
  std::vector<double> expected{0.8 + 0.2 * double{v[0]}, 0.2 * double{v[1]}, 0.2 * double{v[2]}};
  const double length =
      std::sqrt(expected[0] * expected[0] + expected[1] * expected[1] + expected[2] * expected[2]);
  world.move(x, 2, {1, 1, 1});
  for (std::size_t d = 0; d < 3; ++d) CHECK(double{x[d]} == Approx(expected[d] / length));
  const std::vector<float> before = x;
  world.move(x, no_item, {1, 1, 2});
  for (std::size_t d = 0; d < 3; ++d) CHECK(x[d] == Approx(before[d]));
  CHECK(world.purchase_probability(before, before) == Approx(0.5));
  std::vector<float> away{-before[0], -before[1], -before[2]};
  CHECK(world.purchase_probability(before, away) == 0.0F);
}

TEST_CASE("purchases come `delay` steps after minds are made up, with the probability they had then") {
  constexpr std::int32_t delay = 4, rows = 4096;
  const InterestScenario world = interests(delay);
  const auto policy = std::make_shared<RandomWeights>("random", 3);
  Engine engine(world, policy->spec(), {.rows = rows});
  Rollout rollout(engine.shape(), 12);
  engine.collect(policy, Mode::sample, rollout);
  const Transitions& t = rollout.all();
  for (std::int32_t step = 0; step < 12; ++step) {
    double bought = 0.0, due = 0.0;
    for (std::int32_t row = 0; row < rows; ++row) {
      const auto i = at(std::int64_t{step} * rows + row);
      bought += (t.feedback[i] & feedback::purchased) != 0 ? 1.0 / rows : 0.0;
      CHECK(t.terms[2 * i + 1] == ((t.feedback[i] & feedback::purchased) != 0 ? 1.0F : 0.0F));
      if (step < delay) continue;
      const float* const then = &t.next_observed[at(std::int64_t{step - delay} * rows + row) * 7];
      const float match = then[0] * then[3] + then[1] * then[4] + then[2] * then[5];
      due += 0.5 * std::pow(std::max(0.0, double{match}), 2.0) / rows;
    }
    CAPTURE(step);
    if (step < delay) CHECK(bought == 0.0);
    CHECK(std::abs(bought - due) < 4.0 * std::sqrt(0.25 / rows));
  }
}

TEST_CASE("interests that cannot be are explained") {
  CHECK_THROWS_WITH_AS(InterestWorld({.delay = 0}), doctest::Contains("delay"), ConfigError);
  CHECK_THROWS_WITH_AS(InterestScenario({}), doctest::Contains("world"), ConfigError);
}

}  // namespace
}  // namespace veer

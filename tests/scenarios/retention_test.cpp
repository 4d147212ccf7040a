// Coming back: the distribution of days, the fit of its base on a log of known truth, and a world of several
// sessions whose rewards are what its features say.
#include "scenarios/fusion/retention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "agents/baselines/plain_weights.h"
#include "env/engine.h"
#include "env/error.h"
#include "simulators/fusion/fusion_world.h"
#include "tests/test.h"

using namespace veer;

namespace {

std::shared_ptr<const FusionWorld> small_world(std::int32_t people = 200) {
  FusionWorldParameters parameters;
  parameters.items = 60;
  parameters.people = people;
  return std::make_shared<const FusionWorld>(parameters);
}

RetentionParameters parameters_of(std::shared_ptr<const FusionWorld> world) {
  RetentionParameters out;
  out.returns = true_returns(world->profile_width(), 3);
  out.world = std::move(world);
  out.slots = 4;
  out.pages = 3;
  out.sessions = 2;
  return out;
}

}  // namespace

TEST_CASE("return days: proportional to P (1 - P)^(d - 1), ten of them") {
  const auto even = return_days(0.5);
  // 1/2, 1/4, ... over 1 - 1/1024.
  CHECK(even[0] == doctest::Approx(512.0 / 1023.0));
  CHECK(even[9] == doctest::Approx(1.0 / 1023.0));
  CHECK(std::accumulate(even.begin(), even.end(), 0.0) == doctest::Approx(1.0));
  CHECK(return_days(0.001)[0] == doctest::Approx(0.1).epsilon(0.01));

  ReturnModel model{.weights = {0.1F, -0.2F, 0.05F}};
  const float features[] = {1.0F, 0.5F};
  CHECK(model.chance(features, 2.0) == doctest::Approx(0.1 - 0.1 + 0.05 + 0.2 + 0.4));
  CHECK(model.chance(features, 90.0) == doctest::Approx(0.999));
  CHECK(model.chance(features, -90.0) == doctest::Approx(0.001));

  // The mean day of many draws is that of the distribution, within five of its standard errors.
  double mean = 0.0, expected = 0.0, square = 0.0;
  constexpr std::int32_t draws = 20'000;
  for (std::int32_t i = 0; i < draws; ++i) mean += draw_return_day(0.3, {7, at(i), 0}) / double{draws};
  const auto days = return_days(0.3);
  for (std::int32_t d = 1; d <= most_days_away; ++d) {
    expected += d * days[at(d - 1)];
    square += double{d} * d * days[at(d - 1)];
  }
  CHECK(std::abs(mean - expected) < 5.0 * std::sqrt((square - expected * expected) / draws));
}

TEST_CASE("a base of returns is learned from a log of known truth, and says more than an untrained one") {
  const auto world = small_world(1000);
  const ReturnModel truth = true_returns(world->profile_width(), 3);
  const ReturnLog log = log_returns(world, truth, Part::train_plan, 40, 5);
  const ReturnLog other = log_returns(world, truth, Part::test, 40, 6);
  REQUIRE(log.size() == 400 * 40);
  const ReturnModel fitted = fit_returns(log);
  const ReturnModel untrained = untrained_returns(world->profile_width(), 3);
  double apart = 0.0, untrained_apart = 0.0;
  for (std::size_t s = 0; s < other.size(); ++s) {
    const auto x = std::span(other.people).subspan(s * at(other.features), at(other.features));
    const double real = truth.chance(x, other.worth[s]);
    apart += std::abs(fitted.chance(x, other.worth[s]) - real) / static_cast<double>(other.size());
    untrained_apart +=
        std::abs(untrained.chance(x, other.worth[s]) - real) / static_cast<double>(other.size());
  }
  CHECK(apart < 0.01);
  CHECK(untrained_apart > 10.0 * apart);
  // Nothing is likelier than the truth but by chance, of the order of weights over sessions.
  CHECK(std::abs(mean_surprise(fitted, other) - mean_surprise(truth, other)) < 0.002);
  CHECK(mean_surprise(untrained, other) > mean_surprise(fitted, other) + 0.01);

  ReturnLog broken = log;
  broken.day[7] = 11;
  CHECK_THROWS_AS(fit_returns(broken), ConfigError);
  CHECK_THROWS_AS(fit_returns(ReturnLog{}), ConfigError);
  broken = log;
  broken.worth.pop_back();
  CHECK_THROWS_AS(fit_returns(broken), ConfigError);
}

TEST_CASE("retention-v1: sessions of fixed length, a reward at the end of each, the same for any threads") {
  const auto world = small_world();
  const RetentionScenario scenario(parameters_of(world));
  CHECK(scenario.spec().horizon == 6);
  CHECK(scenario.spec().features == world->profile_width() + behaviours + 4);
  const RandomWeights policy("random", scenario.spec().reals);
  std::vector<EpisodeId> ids(64);
  std::iota(ids.begin(), ids.end(), EpisodeId{0});
  Engine engine(scenario, policy.spec(), {.rows = 64, .shard_rows = 32, .seed = 2});
  const Trajectories played = engine.evaluate(policy, Mode::sample, ids);
  bool early = false, late = false;
  for (std::size_t e = 0; e < ids.size(); ++e) {
    CHECK(played.length[e] == 6);
    CHECK(played.end[e] == EndReason::horizon);
    // Two absences of 1 to 10 days.
    const float days = -10.0F * played.episode_return[e];
    CHECK(days == doctest::Approx(std::round(days)));
    CHECK(days >= 2.0F);
    CHECK(days <= 20.0F);
    early = early || days < 5.0F;
    late = late || days > 6.0F;
  }
  CHECK(early);
  CHECK(late);
  Engine alone(scenario, policy.spec(), {.rows = 32, .shard_rows = 32, .seed = 2});
  const Trajectories again = alone.evaluate(policy, Mode::sample, ids);
  CHECK(again.episode_return == played.episode_return);
  CHECK(again.items == played.items);
}

TEST_CASE("retention-v1 ranks the catalogue by the weighted sum of predictions") {
  const auto world = small_world();
  const RetentionScenario scenario(parameters_of(world));
  std::vector<float> weights(fusion_tasks, 0.0F);
  weights[2] = 1.0F;
  weights[7] = -0.5F;
  const ConstantWeights policy("mine", weights);
  Engine engine(scenario, policy.spec(), {.rows = 4, .seed = 2});
  const std::vector<EpisodeId> ids{0, 1, 2, 3};
  const Trajectories played = engine.evaluate(policy, Mode::greedy, ids);
  for (std::size_t step = 0; step < at(played.steps()); ++step) {
    std::vector<std::pair<float, ItemId>> ranked;
    for (ItemId item = 1; item <= world->items(); ++item) {
      std::array<float, fusion_tasks> o{};
      world->predictions(played.user[step], item, o);
      ranked.emplace_back(-(o[2] - 0.5F * o[7]), item);
    }
    std::sort(ranked.begin(), ranked.end());
    for (std::size_t k = 0; k < 4; ++k) CHECK(played.items[step * 4 + k] == ranked[k].second);
  }
}

TEST_CASE("retention-v1 refuses what does not fit together") {
  const auto world = small_world();
  RetentionParameters p = parameters_of(world);
  p.slots = 61;
  CHECK_THROWS_AS(RetentionScenario{p}, ConfigError);
  p = parameters_of(world);
  p.pages = 0;
  CHECK_THROWS_AS(RetentionScenario{p}, ConfigError);
  p = parameters_of(world);
  p.returns.weights.pop_back();
  CHECK_THROWS_AS(RetentionScenario{p}, ConfigError);
  p = parameters_of(world);
  p.world = nullptr;
  CHECK_THROWS_AS(RetentionScenario{p}, ConfigError);
}

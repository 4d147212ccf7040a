#include "scenarios/fusion/fusion.h"
#include "scenarios/fusion/feed_log.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <vector>

#include "agents/baselines/noisy_weights.h"
#include "agents/baselines/plain_weights.h"
#include "env/engine.h"
#include "env/error.h"
#include "simulators/fusion/fusion_users.h"
#include "tests/conformance/conformance.h"
#include "tests/test.h"

namespace veer {
namespace {

using doctest::Approx;

std::shared_ptr<const FusionWorld> small_fusion_world(float prediction_error = 0.5F) {
  return std::make_shared<FusionWorld>(
      FusionWorldParameters{.items = 200, .people = 50, .topics = 4, .prediction_error = prediction_error});
}

FusionScenario small_feed(float prediction_error = 0.5F) {
  FusionParameters p;
  p.world = small_fusion_world(prediction_error);
  p.candidates = 20;
  return FusionScenario(p);
}

/// Weight 1 for one task.
std::vector<float> only(std::string_view task) {
  std::vector<float> out(fusion_tasks, 0.0F);
  out[static_cast<std::size_t>(std::ranges::find(fusion_task_names, task) - fusion_task_names.begin())] =
      1.0F;
  return out;
}

Trajectories play_feed(const Scenario& world, const Policy& policy, std::int32_t episodes) {
  std::vector<EpisodeId> ids(at(episodes));
  std::iota(ids.begin(), ids.end(), EpisodeId{0});
  Engine engine(world, policy.spec(), {.rows = 256, .shard_rows = 64, .seed = 3});
  return engine.evaluate(policy, Mode::sample, ids);
}

double mean_return_of(const Trajectories& t) {
  return std::accumulate(t.episode_return.begin(), t.episode_return.end(), 0.0) /
         static_cast<double>(t.episodes());
}

TEST_CASE("fusion people, worlds and plain policies conform") {
  const auto users = make_fusion_users(small_fusion_world());
  conformance::check_user_model(*users);
  const FusionScenario feed = small_feed();
  conformance::check_scenario(feed, std::make_shared<RandomWeights>("random_weights", fusion_tasks));
  conformance::check_policy(RandomWeights("random_weights", fusion_tasks), feed);
  conformance::check_policy(ConstantWeights("constant", only("click")), feed);
}

TEST_CASE("a fusion world is a function of its parameters, and its effects are those of the table") {
  const auto world = small_fusion_world(), same = small_fusion_world();
  std::array<float, fusion_tasks> a{}, b{};
  world->log_odds(7, 31, a);
  same->log_odds(7, 31, b);
  CHECK(a == b);
  for (std::int32_t t = 0; t < fusion_tasks; ++t) CHECK(world->log_odds(7, 31, t) == a[at(t)]);
  // Bait attracts clicks and ends in videos that nobody watches to the end.
  CHECK(task_effects()[0].bait > 0.0F);
  CHECK(task_effects()[2].bait < 0.0F);
  // Without errors predictions are the truth.
  const auto exact = small_fusion_world(0.0F);
  exact->log_odds(7, 31, a);
  exact->predictions(7, 31, b);
  for (std::size_t t = 0; t < a.size(); ++t) CHECK(b[t] == Approx(1.0 / (1.0 + std::exp(-double{a[t]}))));
  // The errors of others: deviation 0.5 in log odds.
  double squares = 0.0;
  for (ItemId item = 1; item <= 200; ++item) {
    world->log_odds(7, item, a);
    world->predictions(7, item, b);
    for (std::size_t t = 0; t < a.size(); ++t) {
      const double slip = std::log(double{b[t]} / (1.0 - double{b[t]})) - double{a[t]};
      squares += slip * slip;
    }
  }
  CHECK(std::sqrt(squares / (200.0 * fusion_tasks)) == Approx(0.5).epsilon(0.05));
}

TEST_CASE("latents have mean 0 and deviation 1, so that the table's numbers can be compared") {
  const FusionWorld world({.items = 2000, .people = 1000, .topics = 8});
  double sum = 0.0, squares = 0.0;
  for (UserId user = 0; user < 1000; user += 5) {
    for (ItemId item = 1; item <= 2000; item += 7) {
      // watch_long less its other effects is 0.9 match + 0.7 quality - 0.8 bait.
      const double value = double{world.log_odds(user, item, 8)} - 0.3;
      sum += value;
      squares += value * value;
    }
  }
  const double count = 200.0 * 286.0;
  CHECK(std::abs(sum / count) < 0.1);
  CHECK(std::sqrt(squares / count) == Approx(std::sqrt(0.81 + 0.49 + 0.64)).epsilon(0.06));
}

TEST_CASE("rewards and patience of a page by hand") {
  const std::uint8_t seen = bit_of(Behaviour::click) | bit_of(Behaviour::complete) | bit_of(Behaviour::like);
  const std::uint8_t left = bit_of(Behaviour::click) | bit_of(Behaviour::dislike);
  const std::array<std::uint8_t, 3> page{seen, left, 0};
  // 0.1 + 1 + 0.5 and 0.1 - 1
  CHECK(fusion_reward({}, page) == Approx(0.7));
  // 0.1 + 2 + 1 + 0.5 + 0.5 + 0.5 + 1, three times
  CHECK(largest_fusion_reward({}, 3) == Approx(16.8));
  // 5 - 1 + 0.5 - 0.5 - 1
  CHECK(patience_after({}, 5.0F, page) == Approx(3.0));
  const std::array<std::uint8_t, 3> good{seen, seen, seen};
  CHECK(patience_after({}, 8.0F, good) == Approx(8.0));  // 8.5 is more than anybody starts with
}

TEST_CASE("the page holds the candidates with the highest fused scores") {
  const FusionScenario feed = small_feed();
  const std::vector<float> weights{0.3F,  -0.2F, 1.0F, 0.5F, 0.0F, 0.1F,
                                   -1.0F, -0.7F, 0.2F, 0.0F, 0.4F, -0.3F};
  const Trajectories paths = play_feed(feed, ConstantWeights("mixed", weights), 20);
  REQUIRE(paths.steps() > 40);
  for (std::size_t s = 0; s < at(paths.steps()); ++s) {
    const StepKey key{3, paths.episode[s], paths.step[s]};
    std::vector<std::pair<double, ItemId>> scored;
    std::set<ItemId> distinct;
    for (std::int32_t c = 0; c < 20; ++c) {
      const ItemId item = feed.candidate(key, c);
      REQUIRE(item >= 1);
      REQUIRE(item <= 200);
      distinct.insert(item);
      std::array<float, fusion_tasks> o{};
      feed.parameters().world->predictions(paths.user[s], item, o);
      double score = 0.0;
      for (std::size_t t = 0; t < o.size(); ++t) {
        score += double{weights[t]} * std::log(double{o[t]} + 0.01);
      }
      scored.emplace_back(-score, item);
    }
    CHECK(distinct.size() == 20);
    std::ranges::sort(scored);
    for (std::size_t k = 0; k < 3; ++k) CHECK(paths.items[3 * s + k] == scored[k].second);
  }
}

TEST_CASE("people do to what they clicked what the truth says") {
  const FusionScenario feed = small_feed();
  const Trajectories paths = play_feed(feed, RandomWeights("random_weights", fusion_tasks), 4000);
  std::array<double, behaviours> told{}, done{};
  double shown = 0.0, clicked = 0.0;
  for (std::size_t s = 0; s < at(paths.steps()); ++s) {
    for (std::size_t k = 0; k < 3; ++k) {
      std::array<float, fusion_tasks> odds{};
      feed.parameters().world->log_odds(paths.user[s], paths.items[3 * s + k], odds);
      const std::uint8_t answer = paths.feedback[3 * s + k];
      const auto p = [&](std::size_t b) { return 1.0 / (1.0 + std::exp(-double{odds[b]})); };
      ++shown;
      told[0] += p(0);
      done[0] += did(answer, Behaviour::click) ? 1.0 : 0.0;
      if (!did(answer, Behaviour::click)) {
        CHECK(answer == 0);
        continue;
      }
      ++clicked;
      for (std::size_t b = 1; b < at(behaviours); ++b) {
        told[b] += p(b);
        done[b] += did(answer, static_cast<Behaviour>(b)) ? 1.0 : 0.0;
      }
    }
  }
  REQUIRE(clicked > 10'000.0);
  for (std::size_t b = 0; b < at(behaviours); ++b) {
    CAPTURE(behaviour_names[b]);
    // Four standard errors of a share.
    CHECK(std::abs(done[b] - told[b]) < 4.0 * std::sqrt(std::max(told[b], 1.0)));
  }
  CHECK(shown == 3.0 * static_cast<double>(paths.steps()));
}

TEST_CASE("who ranks by clicks loses sessions to who ranks by completion, and random weights to both") {
  const FusionScenario feed = small_feed();
  const Trajectories clicks = play_feed(feed, ConstantWeights("clicks", only("click")), 2000);
  const Trajectories complete = play_feed(feed, ConstantWeights("complete", only("complete")), 2000);
  const Trajectories random = play_feed(feed, RandomWeights("random_weights", fusion_tasks), 2000);
  const auto depth = [](const Trajectories& t) {
    return static_cast<double>(t.steps()) / static_cast<double>(t.episodes());
  };
  MESSAGE("return and pages: clicks " << mean_return_of(clicks) << ", " << depth(clicks) << "; completion "
                                      << mean_return_of(complete) << ", " << depth(complete) << "; random "
                                      << mean_return_of(random) << ", " << depth(random));
  CHECK(depth(complete) > depth(clicks));
  CHECK(mean_return_of(complete) > mean_return_of(clicks));
  CHECK(mean_return_of(complete) > mean_return_of(random));
}

TEST_CASE("noise around weights: bounds, quantiles, and a density that integrates to 1") {
  for (const double mean : {-1.0, -0.3, 0.0, 0.95}) {
    for (const double deviation : {0.05, 0.5, 5.0}) {
      CAPTURE(mean);
      CAPTURE(deviation);
      constexpr int cells = 20'000;
      double mass = 0.0, below_quarter = 0.0;
      const double quarter = cut_normal(mean, deviation, 0.25).value;
      for (int c = 0; c < cells; ++c) {
        const double value = -1.0 + 2.0 * (c + 0.5) / cells;
        const double share = std::exp(cut_normal_log_density(mean, deviation, value)) * 2.0 / cells;
        mass += share;
        below_quarter += value < quarter ? share : 0.0;
      }
      CHECK(mass == Approx(1.0).epsilon(1e-3));
      CHECK(below_quarter == Approx(0.25).epsilon(0.01));
      CHECK(cut_normal(mean, deviation, 0.0).value == Approx(-1.0));
      CHECK(cut_normal(mean, deviation, 0.999999).value <= 1.0);
    }
  }
  // A normal that fits inside is an ordinary one: median and density at the mean.
  CHECK(cut_normal(0.2, 0.05, 0.5).value == Approx(0.2));
  CHECK(cut_normal_log_density(0.2, 0.05, 0.2) ==
        Approx(-std::log(0.05 * std::sqrt(2.0 * 3.14159265358979))));

  const FusionScenario feed = small_feed();
  const auto base = std::make_shared<ConstantWeights>("complete", only("complete"));
  conformance::check_policy(NoisyWeights("noisy", base, 0.3F), feed);
  const Trajectories paths = play_feed(feed, NoisyWeights("noisy", base, 0.3F), 50);
  for (std::size_t s = 0; s < at(paths.steps()); ++s) {
    double expected = 0.0;
    for (std::size_t k = 0; k < at(fusion_tasks); ++k) {
      const double mean = k == 2 ? 1.0 : 0.0;
      expected += cut_normal_log_density(mean, double{0.3F}, double{paths.action_reals[s * 12 + k]});
    }
    CHECK(double{paths.log_prob[s]} == Approx(expected).epsilon(1e-5));
  }
  CHECK_THROWS_AS(NoisyWeights("still", base, 0.0F), ConfigError);
}

TEST_CASE("a recorded run as a log of decisions holds what a learner saw while it was played") {
  const FusionScenario feed = small_feed();
  const auto base = std::make_shared<ConstantWeights>("complete", only("complete"));
  const auto policy = std::make_shared<NoisyWeights>("noisy", base, 0.3F);
  constexpr std::int32_t rows = 64;
  Engine engine(feed, policy->spec(), {.rows = rows, .shard_rows = 64, .seed = 3});
  Rollout rollout(engine.shape(), feed.spec().horizon);
  engine.collect(policy, Mode::sample, rollout);
  const Transitions& seen = rollout.all();
  const Transitions log = transitions_of(feed, play_feed(feed, *policy, rows));

  std::map<std::pair<EpisodeId, std::uint32_t>, std::size_t> place;
  for (std::size_t i = 0; i < at(seen.count); ++i) place[{seen.episode[i], seen.step[i]}] = i;
  const auto row_of = [](const std::vector<float>& values, std::size_t row, std::int32_t width) {
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(row) * width;
    return std::vector<float>(first, first + width);
  };
  REQUIRE(log.count > rows);
  for (std::size_t i = 0; i < at(log.count); ++i) {
    const std::size_t then = place.at({log.episode[i], log.step[i]});
    CHECK(log.user[i] == seen.user[then]);
    CHECK(row_of(log.observed, i, log.features) == row_of(seen.observed, then, log.features));
    CHECK(row_of(log.next_observed, i, log.features) == row_of(seen.next_observed, then, log.features));
    CHECK(row_of(log.action_reals, i, log.reals) == row_of(seen.action_reals, then, log.reals));
    CHECK(log.log_prob[i] == seen.log_prob[then]);
    CHECK(log.reward[i] == seen.reward[then]);
    CHECK(log.end[i] == seen.end[then]);
  }
}

TEST_CASE("fusion worlds and weights that cannot be are refused") {
  const auto make = [](auto change) {
    FusionParameters p;
    p.world = small_fusion_world();
    p.candidates = 20;
    change(p);
    return FusionScenario(p);
  };
  CHECK_THROWS_WITH_AS(make([](FusionParameters& p) { p.world = nullptr; }), doctest::Contains("world"),
                       ConfigError);
  CHECK_THROWS_WITH_AS(make([](FusionParameters& p) { p.candidates = 201; }),
                       doctest::Contains("fusion: candidates: found 201; expected 1 to 200"), ConfigError);
  CHECK_THROWS_WITH_AS(make([](FusionParameters& p) { p.slots = 21; }), doctest::Contains("1 to 20"),
                       ConfigError);
  CHECK_THROWS_WITH_AS(make([](FusionParameters& p) { p.offset = 0.0F; }), doctest::Contains("above 0"),
                       ConfigError);
  CHECK_THROWS_AS(FusionWorld({.items = 39}), ConfigError);
  CHECK_THROWS_AS(FusionWorld({.prediction_error = std::numeric_limits<float>::quiet_NaN()}), ConfigError);
  CHECK_THROWS_AS(ConstantWeights("none", {}), ConfigError);
  CHECK_THROWS_AS(ConstantWeights("wide", {1.5F}), ConfigError);

  /// Breaks its word.
  class Wild final : public Policy {
   public:
    const PolicySpec& spec() const noexcept override { return spec_; }
    void act(Rows rows, const Observation&, PolicyState&, Actions& actions, Mode) const override {
      for (const std::int32_t row : rows) actions.reals(row, 4) = std::numeric_limits<float>::quiet_NaN();
    }

   private:
    PolicySpec spec_{.name = "wild", .action = ActionKind::vector, .width = fusion_tasks};
  };
  const FusionScenario feed = small_feed();
  CHECK_THROWS_WITH_AS(play_feed(feed, Wild(), 1), doctest::Contains("share: found nan; expected -1 to 1"),
                       ConfigError);
}

}  // namespace
}  // namespace veer

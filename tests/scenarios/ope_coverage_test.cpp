// Intervals cover what the estimator is about: its own limit, in 95 of 100 logs.
#include <fmt/format.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "scenarios/ope/evidence.h"
#include "scenarios/ope/release.h"
#include "scenarios/ope/sequential.h"
#include "tests/scenarios/ope_worlds.h"
#include "tests/test.h"

using namespace veer;
using namespace veer::ope;
using namespace veer::tests;

namespace {

constexpr std::uint64_t repetitions = 1000;

/// Shares of logs whose interval holds the limit, by name.
struct Coverage {
  std::map<std::string, int> held;
  void note(const Estimate& found, double limit) {
    held[found.name] += found.low <= limit && limit <= found.high;
  }
  double of(const std::string& name) const {
    return static_cast<double>(held.at(name)) / static_cast<double>(repetitions);
  }
  /// 1,000 repetitions leave a standard error of 0.7 %; percentile intervals of skewed means are a little
  /// short.
  void check_all() const {
    for (const auto& [name, count] : held) {
      CAPTURE(name);
      MESSAGE(fmt::format("{}: covered in {:.1f} % of {} logs", name, 100.0 * of(name), repetitions));
      CHECK(of(name) > 0.91);
      CHECK(of(name) < 0.985);
    }
  }
};

}  // namespace

TEST_CASE("intervals of bandit estimators cover their limit") {
  const BanditWorld world;
  const BanditOptions options{.clip = 2.0, .switch_at = 2.0, .shrinkage = 3.0, .sub_gaussian = 0.2};
  // The limits: exact means over one row, since those estimators are means of rows; normalised ones: the
  // truth.
  std::map<BanditEstimator, double> limits;
  Summariser plain({.interval = Interval::normal});
  for (const BanditOutcome& outcome : world.outcomes()) {
    BanditLog one;
    world.add(one, outcome);
    for (const BanditEstimator e : bandit_estimators()) {
      limits[e] += outcome.probability * estimate(one, e, options, plain).value;
    }
  }
  limits[BanditEstimator::snips] = limits[BanditEstimator::sndr] = world.truth();
  Coverage coverage;
  Summariser summariser({.replicates = 300});
  for (std::uint64_t seed = 0; seed < repetitions; ++seed) {
    const BanditLog log = sampled(world, 200, 5000 + seed);
    for (const BanditEstimator e : bandit_estimators()) {
      coverage.note(estimate(log, e, options, summariser), limits[e]);
    }
  }
  CHECK(coverage.held.size() == 11);
  coverage.check_all();
}

TEST_CASE("intervals of sequential estimators cover their limit") {
  const ProcessWorld world;
  Coverage coverage;
  Summariser summariser({.replicates = 300});
  for (std::uint64_t seed = 0; seed < repetitions; ++seed) {
    const SampledProcess paths = sampled(world, 200, 9000 + seed);
    for (const SequentialEstimator e : sequential_estimators()) {
      const double limit =
          e == SequentialEstimator::dm ? (world.modelled(0) + world.modelled(1)) / 2 : world.truth();
      coverage.note(estimate(paths.log, e, summariser), limit);
    }
    coverage.note(marginalised(paths.log, paths.table, summariser), world.truth());
  }
  CHECK(coverage.held.size() == 9);
  coverage.check_all();
}

TEST_CASE("rows of one person stay together, or intervals are too short") {
  // A person is of one context and all their rows share one reward: ten rows say little more than one.
  const BanditWorld world;
  Coverage coverage;
  Summariser summariser({.replicates = 300});
  const std::vector<BanditOutcome> outcomes = world.outcomes();
  for (std::uint64_t seed = 0; seed < repetitions; ++seed) {
    BanditLog log;
    for (UserId person = 0; person < 60; ++person) {
      const BanditOutcome& same =
          drawn<BanditOutcome>(outcomes, 20000 + seed, static_cast<std::uint64_t>(person));
      for (int row = 0; row < 10; ++row) {
        world.add(log, same);
        log.cluster.push_back(person);
      }
    }
    Estimate found = estimate(log, BanditEstimator::dr, {}, summariser);
    coverage.note(found, world.truth());
    log.cluster.clear();
    found = estimate(log, BanditEstimator::dr, {}, summariser);
    found.name = "dr without clusters";
    coverage.note(found, world.truth());
  }
  MESSAGE(fmt::format("with clusters {:.1f} %, without {:.1f} %", 100.0 * coverage.of("dr"),
                      100.0 * coverage.of("dr without clusters")));
  CHECK(coverage.of("dr") > 0.89);
  CHECK(coverage.of("dr without clusters") < 0.6);
}

TEST_CASE("the standard error is that of the bootstrap, for means and for ratios") {
  const SampledProcess paths = sampled(ProcessWorld{}, 2000, 3);
  Summariser resampled({.interval = Interval::bootstrap, .replicates = 2000}),
      plain({.interval = Interval::normal});
  for (const SequentialEstimator e : sequential_estimators()) {
    if (e == SequentialEstimator::magic) continue;  // its interval is not that of its standard error
    CAPTURE(name_of(e));
    const Estimate wide = estimate(paths.log, e, resampled), normal = estimate(paths.log, e, plain);
    CHECK(wide.interval == Interval::bootstrap);
    CHECK(normal.interval == Interval::normal);
    CHECK(wide.high - wide.low == doctest::Approx(2 * 1.959963985 * normal.standard_error).epsilon(0.1));
    CHECK(normal.high - normal.low == doctest::Approx(2 * 1.959963985 * normal.standard_error).epsilon(1e-6));
  }
}

TEST_CASE("enough evidence, too little, and none") {
  Summariser summariser({.interval = Interval::normal});
  const BanditWorld world;
  CHECK(evidence_of(sampled(world, 2000, 1), {}, summariser).enough());

  BanditLog lottery;  // one row in 500 carries nearly everything
  for (int i = 0; i < 1000; ++i) {
    lottery.reward.push_back(1.0);
    lottery.behaviour.push_back(i % 500 == 0 ? 0.002 : 0.998);
    lottery.target.push_back(i % 500 == 0 ? 0.999 : 0.001);
  }
  check(lottery);
  const Evidence thin = evidence_of(lottery, {}, summariser);
  CHECK(thin.effective_sample_size == doctest::Approx(2.004).epsilon(1e-3));
  REQUIRE(thin.objections.size() == 2);
  CHECK(thin.objections[0].find("the effective sample size is 2, 0.2 % of 1000 rows; at least 1 %") == 0);
  CHECK(thin.largest_share == doctest::Approx(0.4995).epsilon(1e-3));
  CHECK(thin.objections[1].find("one of the 1000 rows carries ") == 0);
  CHECK(evidence_of(lottery, {.least_ess_share = 0, .most_weight_share = 1}, summariser).enough());

  BanditLog blind = sampled(world, 5000, 2);  // the policy also shows what was never logged
  for (double& t : blind.target) t *= 0.8;
  const Evidence off = evidence_of(blind, {}, summariser);
  REQUIRE(off.objections.size() == 1);
  CHECK(off.objections[0].find("shows what the acting one never shows") != std::string::npos);

  for (double& t : blind.target) t = 0.0;
  const Evidence none = evidence_of(blind, {}, summariser);
  CHECK(none.zero_share == 1.0);
  REQUIRE(none.objections.size() == 1);
  CHECK(none.objections[0] == "the policy would have produced none of the 5000 rows");
}

TEST_CASE("long trajectories run out of evidence step by step") {
  TrajectoryLog log;
  log.offsets = {0};
  for (std::uint64_t i = 0; i < 400; ++i) {
    for (std::uint32_t t = 0; t < 40; ++t) {
      const bool common = uniform({8, i, t}, Stream::generate) < 0.7F;
      log.reward.push_back(common ? 0.0 : 1.0);
      log.behaviour.push_back(common ? 0.7 : 0.3);
      log.target.push_back(common ? 0.3 : 0.7);
      log.end.push_back(t == 39 ? StepEnd::terminated : StepEnd::none);
    }
    log.offsets.push_back(log.steps());
  }
  check(log);
  Summariser summariser({.interval = Interval::normal});
  const Evidence found = evidence_of(log, {}, summariser);
  // After four steps somebody took the rare action each time: (7 / 3)^4 / 400 is 7 % of the weight.
  CHECK(found.usable_steps == 3);
  // Each step multiplies the mean square of the weights by 0.3^2 / 0.7 + 0.7^2 / 0.3 = 1.76: after two steps
  // the effective sample size is 32 %, after three 18 %.
  CHECK(evidence_of(log, {.least_ess_share = 0.25, .most_weight_share = 1.0}, summariser).usable_steps == 2);
  CHECK(std::abs(found.mean_ratio - 1.0) < 4 * found.mean_ratio_error);
  CHECK_FALSE(found.enough());
  CHECK(found.objections.back().find("the weights hold for the first") == 0);
}

TEST_CASE("a release needs a gain beyond doubt and two kinds of evidence") {
  Estimate behaviour, model, weighted;
  behaviour.value = -2.0;
  model.name = "dm";
  weighted.name = "wdr";
  model.value = -1.4;
  weighted.value = -1.5;
  weighted.low = -1.9;
  CHECK(objections_to_release(behaviour, &model, weighted, 0.0).empty());
  CHECK(objections_to_release(behaviour, nullptr, weighted, 0.0).size() == 1);
  weighted.low = -2.1;
  CHECK(objections_to_release(behaviour, &model, weighted, 0.0).size() == 1);
  CHECK(objections_to_release(behaviour, &model, weighted, 0.1).empty());  // 10 % of -2 may be lost
  model.value = -2.5;
  CHECK(objections_to_release(behaviour, &model, weighted, 0.1).size() == 1);
  weighted.low = std::nan("");
  CHECK(objections_to_release(behaviour, &model, weighted, 0.1).size() == 2);
}

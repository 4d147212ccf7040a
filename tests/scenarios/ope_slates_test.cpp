// Estimators of slates against values computed by hand and, in a world of slates that can all be listed,
// against the truth: each is unbiased under its own assumption, and off by what can be computed elsewhere.
#include "scenarios/ope/slates.h"

#include <array>
#include <cmath>
#include <string>
#include <variant>

#include "env/error.h"
#include "scenarios/ope/log_table.h"
#include "tests/test.h"

namespace veer::ope {
namespace {

using doctest::Approx;

SlateLog log_of(std::vector<double> reward, std::vector<double> behaviour, std::vector<double> target,
                std::int64_t width) {
  SlateLog out;
  TrajectoryLog& p = out.positions;
  p.gamma = 1.0;
  p.reward = std::move(reward);
  p.behaviour = std::move(behaviour);
  p.target = std::move(target);
  for (std::int64_t step = 0; step <= p.steps(); step += width) p.offsets.push_back(step);
  for (std::int64_t step = 0; step < p.steps(); ++step) {
    p.end.push_back((step + 1) % width == 0 ? StepEnd::terminated : StepEnd::none);
  }
  return out;
}

double value_of(const SlateLog& log, SlateEstimator estimator) {
  Summariser summariser({.replicates = 10});
  check(log);
  return estimate(log, estimator, summariser).value;
}

}  // namespace

TEST_CASE("estimates of two slates by hand") {
  // Ratios (2, 0.5) and (0.5, 3), rewards (1, 1) and (0, 2).
  const SlateLog log = log_of({1, 1, 0, 2}, {0.25, 0.5, 0.5, 0.2}, {0.5, 0.25, 0.25, 0.6}, 2);
  CHECK(value_of(log, SlateEstimator::sips) == Approx((1.0 * 2 + 1.5 * 2) / 2));
  CHECK(value_of(log, SlateEstimator::sn_sips) == Approx((1.0 * 2 + 1.5 * 2) / 2.5));
  CHECK(value_of(log, SlateEstimator::iips) == Approx((2 + 0.5 + 6.0) / 2));
  CHECK(value_of(log, SlateEstimator::sn_iips) == Approx(2.0 / 2.5 + 6.5 / 3.5));
  CHECK(value_of(log, SlateEstimator::rips) == Approx((2 + 1.0 + 3.0) / 2));
  CHECK(value_of(log, SlateEstimator::sn_rips) == Approx(2.0 / 2.5 + 4.0 / 2.5));

  SlateLog marginal = log;
  marginal.item_behaviour = {0.5, 0.5, 0.5, 0.5};
  marginal.item_target = {1.0, 0.25, 0.5, 0.75};
  CHECK(value_of(marginal, SlateEstimator::iips) == Approx((2 + 0.5 + 3.0) / 2));
  CHECK(value_of(marginal, SlateEstimator::sips) == value_of(log, SlateEstimator::sips));
}

TEST_CASE("every slate listed with its probability: who is unbiased, and by how much the others are off") {
  // Three items on two positions, drawn independently of one another: reward of an item, what the one above
  // does to the lower one, and what the one below does to the upper one.
  const std::array<double, 3> acted{0.5, 0.3, 0.2}, asked{0.2, 0.3, 0.5}, worth{1.0, 2.0, 4.0};
  for (const double above : {0.0, 1.0}) {
    for (const double below : {0.0, 1.0}) {
      CAPTURE(above);
      CAPTURE(below);
      double truth = 0.0;
      std::array<double, 6> mean{};
      for (std::size_t a = 0; a < 3; ++a) {
        for (std::size_t b = 0; b < 3; ++b) {
          const double upper = worth[a] + below * worth[b], lower = worth[b] + above * worth[a] * worth[b];
          truth += asked[a] * asked[b] * (upper + lower);
          const SlateLog slate = log_of({upper, lower}, {acted[a], acted[b]}, {asked[a], asked[b]}, 2);
          for (const SlateEstimator e : {SlateEstimator::sips, SlateEstimator::iips, SlateEstimator::rips}) {
            mean[static_cast<std::size_t>(e)] += acted[a] * acted[b] * value_of(slate, e);
          }
        }
      }
      const auto of = [&](SlateEstimator e) { return mean[static_cast<std::size_t>(e)]; };
      // Means of worth: 1.9 under who acted, 2.8 under who is asked about.
      const double missed = 2.8 - 1.9;
      CHECK(of(SlateEstimator::sips) == Approx(truth).epsilon(1e-9));
      CHECK(of(SlateEstimator::rips) == Approx(truth - below * missed).epsilon(1e-9));
      CHECK(of(SlateEstimator::iips) == Approx(truth - below * missed - above * missed * 2.8).epsilon(1e-9));
    }
  }
}

TEST_CASE("logs of slates are read, and refused by line where they cannot be") {
  const std::string header = "slate,position,reward,behaviour,target\n";
  const std::string good = header + "x,0,1,0.25,0.5\nx,1,1,0.5,0.25\ny,0,0,0.5,0.25\ny,1,2,0.2,0.6\n";
  const LoggedData data = read_table("s.csv", good, {});
  REQUIRE(std::holds_alternative<SlateLog>(data));
  CHECK(value_of(std::get<SlateLog>(data), SlateEstimator::iips) == Approx(4.25));
  const auto refused = [](const std::string& text, const std::string& line, const std::string& what) {
    try {
      (void)read_table("s.csv", text, {});
      FAIL("accepted: ", what);
    } catch (const DataError& error) {
      const std::string message = error.what();
      CAPTURE(message);
      CHECK(message.find(line) != std::string::npos);
      CHECK(message.find(what) != std::string::npos);
    }
  };
  refused(good + "z,0,1,0.5,0.5\n", "s.csv:6", "a slate of 1 positions");
  refused(header + "x,1,1,0.5,0.5\n", "s.csv:2", "count from 0");
  refused(header + "x,0,1,0.5,0.5\ny,0,1,0.5,0.5\nx,0,1,0.5,0.5\n", "s.csv:4", "together");
  refused(header + "x,0,1,1.5,0.5\n", "s.csv:2", "1.5");
  refused("slate,position,reward,behaviour,target,end\nx,0,1,0.5,0.5,terminated\n", "s.csv:1", "'end'");
  refused("slate,position,reward,behaviour,target,behaviour_item,target_item\nx,0,1,0.5,0.5,0,0.5\n",
          "s.csv:2", "above 0");
  refused("reward,behaviour,target,target_item\n1,0.5,0.5,0.5\n", "s.csv:1", "slates alone");
}

}  // namespace veer::ope

// More robust doubly robust estimation: the model is the minimum of what it says it minimises, and the
// estimate is unbiased and varies less than dr with a worse model.
#include "scenarios/ope/mrdr.h"

#include <fmt/format.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "scenarios/ope/sequential.h"
#include "tests/scenarios/ope_worlds.h"
#include "tests/test.h"

using namespace veer;
using namespace veer::ope;
using namespace veer::tests;
using doctest::Approx;

namespace {

std::vector<std::int64_t> all_of_log(const TrajectoryLog& log) {
  std::vector<std::int64_t> out(at(log.trajectories()));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

/// The sum of c q' Omega q as it is defined, with the behaviour of all actions.
double objective(const ProcessWorld& world, const TrajectoryLog& log, const Tabular& table,
                 const std::vector<double>& q) {
  double sum = 0.0;
  for (std::size_t i = 0; i + 1 < log.offsets.size(); ++i) {
    double before = 1.0;
    for (std::int64_t step = log.offsets[i]; step < log.offsets[i + 1]; ++step) {
      const double rho = log.target[at(step)] / log.behaviour[at(step)];
      double ahead = 0.0, factor = 1.0;
      for (std::int64_t k = step; k < log.offsets[i + 1]; ++k) {
        if (k > step) factor *= log.gamma * log.target[at(k)] / log.behaviour[at(k)];
        ahead += factor * log.reward[at(k)];
      }
      const auto s = at(table.state[at(step)]);
      double quadratic = 0.0, total = 0.0;
      for (std::size_t a = 0; a < 2; ++a) {
        const double own =
            table.policy[s * 2 + a] * q[s * 2 + a] - (at(table.action[at(step)]) == a ? ahead : 0.0);
        quadratic += own * own / world.behaviour[s][a];
        total += own;
      }
      sum += before * before * rho * (quadratic - total * total);
      before *= log.gamma * rho;
    }
  }
  return sum;
}

}  // namespace

TEST_CASE("mrdr: two steps of one state by hand") {
  // gamma 0.5; target (0.5, 0.5), behaviour (0.25, 0.75): ratios 2 and 2/3.
  Tabular table{1, 2, {0, 0}, {0, 1}, {0.5, 0.5}};
  TrajectoryLog log;
  log.gamma = 0.5;
  log.offsets = {0, 2};
  log.reward = {1.0, 3.0};
  log.behaviour = {0.25, 0.75};
  log.target = {0.5, 0.5};
  log.end = {StepEnd::none, StepEnd::terminated};
  // R_1 = 3, R_0 = 1 + 0.5 x 2/3 x 3 = 2. c_0 = 2, c_1 = (0.5 x 2)^2 x 2/3 = 2/3; their sum is 8/3.
  const std::vector<double> q = mrdr_q(log, table, std::vector<std::int64_t>{0});
  CHECK(q[0] == Approx(2.0 * 2.0 / (0.5 * 8.0 / 3.0)));
  CHECK(q[1] == Approx(2.0 / 3.0 * 3.0 / (0.5 * 8.0 / 3.0)));
}

TEST_CASE("mrdr: nothing near the model is better, along behaviour / target nothing changes") {
  const ProcessWorld world;
  const SampledProcess paths = sampled(world, 300, 4);
  const std::vector<double> q = mrdr_q(paths.log, paths.table, all_of_log(paths.log));
  const double least = objective(world, paths.log, paths.table, q);
  for (std::size_t pair = 0; pair < q.size(); ++pair) {
    for (const double step : {-0.05, 0.05}) {
      std::vector<double> moved = q;
      moved[pair] += step;
      CHECK(objective(world, paths.log, paths.table, moved) > least);
    }
  }
  std::vector<double> along = q;
  for (std::size_t a = 0; a < 2; ++a) along[2 + a] += 0.7 * world.behaviour[1][a] / world.target[1][a];
  CHECK(objective(world, paths.log, paths.table, along) == Approx(least).epsilon(1e-9));
}

TEST_CASE("mrdr: on average the truth, and surer than pdis and than dr with a wrong model") {
  const ProcessWorld world;
  Summariser summariser({.interval = Interval::normal});
  constexpr int logs = 200;
  double sum = 0.0, squares = 0.0, error = 0.0, plain_error = 0.0, wrong_error = 0.0;
  for (int seed = 0; seed < logs; ++seed) {
    const SampledProcess paths = sampled(world, 400, 100 + static_cast<std::uint64_t>(seed));
    const auto folds = folds_of(paths.log.trajectories(), {}, 2, 1);
    const Estimate found = mrdr(paths.log, paths.table, folds, summariser);
    CHECK(found.name == "mrdr");
    sum += found.value;
    squares += found.value * found.value;
    error += found.standard_error;
    plain_error += estimate(paths.log, SequentialEstimator::pdis, summariser).standard_error;
    wrong_error += estimate(paths.log, SequentialEstimator::dr, summariser).standard_error;
  }
  const double mean = sum / logs, deviation = std::sqrt(squares / logs - mean * mean);
  MESSAGE(fmt::format("truth {:.4f}, mean {:.4f} +- {:.4f}; errors: mrdr {:.4f}, pdis {:.4f}, dr {:.4f}",
                      world.truth(), mean, deviation / std::sqrt(logs), error / logs, plain_error / logs,
                      wrong_error / logs));
  CHECK(std::abs(mean - world.truth()) < 4.0 * deviation / std::sqrt(logs));
  CHECK(error < 0.6 * plain_error);
  CHECK(error < wrong_error);
  CHECK(error / logs == Approx(deviation).epsilon(0.2));  // what it says of itself is what it does
}

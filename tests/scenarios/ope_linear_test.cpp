// Least squares for values against answers that can be computed otherwise.
#include <fmt/format.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "env/error.h"
#include "scenarios/ope/fitted/linear_process.h"
#include "scenarios/ope/fitted/linear_q.h"
#include "scenarios/ope/sequential.h"
#include "tests/scenarios/ope_worlds.h"
#include "tests/test.h"

namespace veer::ope {
namespace {

using doctest::Approx;

/// A log of four states and two actions as one-hot rows, and the policy's actions with their probabilities.
struct OneHotLog {
  FittedLog log;
  TargetActions target;
};
OneHotLog one_hot(const TrajectoryLog& from, const Tabular& table) {
  OneHotLog out;
  out.log.features = 4;
  out.log.reals = 2;
  out.log.offsets = from.offsets;
  out.log.end = from.end;
  const auto add = [](std::vector<float>& to, std::int32_t place, std::int32_t width) {
    for (std::int32_t i = 0; i < width; ++i) to.push_back(i == place ? 1.0F : 0.0F);
  };
  for (std::size_t step = 0; step < from.reward.size(); ++step) {
    add(out.log.states, table.state[step], 4);
    add(out.log.actions, table.action[step], 2);
    out.log.reward.push_back(static_cast<float>(from.reward[step]));
  }
  for (std::int64_t i = 0; i < from.trajectories(); ++i) {
    add(out.log.states, 0, 4);  // behind the end; not read
    out.log.episode.push_back(at(i));
    out.log.user.push_back(static_cast<UserId>(i));
  }
  out.target = target_actions(
      out.log, 2, true, 1,
      [&](View<const float> states, std::span<const StepKey>, View<float> actions, View<float> weights) {
        for (std::int32_t r = 0; r < states.rows(); ++r) {
          const auto row = states.row(r);
          const auto s = static_cast<std::size_t>(std::find(row.begin(), row.end(), 1.0F) - row.begin());
          std::ranges::copy(std::vector<float>{1.0F, 0.0F, 0.0F, 1.0F}, actions.row(r).begin());
          for (std::size_t a = 0; a < 2; ++a) {
            weights.row(r)[a] = static_cast<float>(table.policy[s * 2 + a]);
          }
        }
      });
  return out;
}

/// One feature per pair.
PairFeatures pairs() {
  return {8, [](std::span<const float> state, std::span<const float> action, std::span<double> out) {
            for (std::size_t i = 0; i < 8; ++i) out[i] = double{state[i / 2]} * double{action[i % 2]};
          }};
}

TEST_CASE("with one feature per pair it is the tabular answer, and its weights give the same value") {
  const tests::ProcessWorld world;
  const tests::SampledProcess paths = tests::sampled(world, 500, 3);
  const OneHotLog log = one_hot(paths.log, paths.table);
  const LinearQ found = linear_q(log.log, log.target, pairs(), {.gamma = world.gamma, .ridge = 1e-12});
  std::vector<std::int64_t> all(500);
  std::iota(all.begin(), all.end(), 0);
  const std::vector<double> q = tabular_q(paths.log, paths.table, all);
  for (std::size_t pair = 0; pair < 8; ++pair) CHECK(found.theta[pair] == Approx(q[pair]).epsilon(1e-5));
  double value = 0.0, weighed = 0.0, visits = 0.0;
  for (std::size_t i = 0; i < 500; ++i) {
    const std::size_t s = at(paths.table.state[at(paths.log.offsets[i])]);
    for (std::size_t a = 0; a < 2; ++a) value += paths.table.policy[s * 2 + a] * q[s * 2 + a] / 500.0;
  }
  for (std::size_t step = 0; step < found.weights.size(); ++step) {
    weighed += found.weights[step] * double{log.log.reward[step]} / 500.0;
    visits += found.weights[step] / 500.0;
  }
  CHECK(found.estimate.value == Approx(value).epsilon(1e-6));
  CHECK(weighed == Approx(value).epsilon(1e-6));
  // What the weights add up to is the discounted number of steps under the policy: that of a reward of 1.
  OneHotLog ones = log;
  std::ranges::fill(ones.log.reward, 1.0F);
  CHECK(
      visits ==
      Approx(linear_q(ones.log, ones.target, pairs(), {.gamma = world.gamma}).estimate.value).epsilon(1e-5));
}

TEST_CASE("a linear process has a quadratic Q: the truth lies in the intervals") {
  const LinearProcess process(3, 2, 0.9, 0.1, 5);
  const LinearPolicy acted = process.policy(1, 0.6);
  const LinearPolicy asked = LinearProcess::between(acted, process.policy(6, 0.6), 0.5, 0.6);
  const double truth = process.value(asked);
  int held = 0;
  double error = 0.0, squares = 0.0;
  constexpr int logs = 100;
  for (int seed = 0; seed < logs; ++seed) {
    const FittedLog log = process.sample(acted, 300, 60, 100 + static_cast<std::uint64_t>(seed));
    const TargetActions actions = process.actions(asked, log, 4, 13);
    const LinearQ found = linear_q(log, actions, polynomial_features(log, true), {.gamma = 0.9});
    held += found.estimate.low <= truth && truth <= found.estimate.high;
    error += found.estimate.standard_error / logs;
    squares += (found.estimate.value - truth) * (found.estimate.value - truth) / logs;
  }
  MESSAGE(fmt::format("truth {:.4f}, held in {} of {}, error {:.4f}, root mean square {:.4f}", truth, held,
                      logs, error, std::sqrt(squares)));
  CHECK(held >= 88);
  CHECK(error == Approx(std::sqrt(squares)).epsilon(0.25));
  // Linear features cannot say it.
  const FittedLog log = process.sample(acted, 3000, 60, 7);
  const TargetActions actions = process.actions(asked, log, 4, 13);
  const LinearQ straight = linear_q(log, actions, polynomial_features(log, false), {.gamma = 0.9});
  const LinearQ curved = linear_q(log, actions, polynomial_features(log, true), {.gamma = 0.9});
  CHECK(std::abs(curved.estimate.value - truth) < 4.0 * curved.estimate.standard_error);
  CHECK(std::abs(straight.estimate.value - truth) > std::abs(curved.estimate.value - truth));
}

TEST_CASE("linear Q: threads, and what is refused") {
  const LinearProcess process(2, 1, 0.9, 0.2, 5);
  const FittedLog log = process.sample(process.policy(1, 0.5), 100, 20, 3);
  const TargetActions actions = process.actions(process.policy(2, 0.5), log, 2, 13);
  const PairFeatures features = polynomial_features(log, true);
  CHECK(features.width == 1 + 3 + 6);
  const auto solve = [&](int threads) {
    LinearQ out;
    tbb::task_arena(threads).execute([&] { out = linear_q(log, actions, features, {}); });
    return out;
  };
  const LinearQ one = solve(1), three = solve(3);
  CHECK(one.theta == three.theta);
  CHECK(one.weights == three.weights);
  CHECK_THROWS_AS(linear_q(log, actions, features, {.gamma = 1.0}), ConfigError);
  CHECK_THROWS_AS(linear_q(log, actions, features, {.ridge = 0.0}), ConfigError);
  FittedLog wide = log;
  wide.features = 60;
  wide.states.assign(at(wide.value_states()) * 60, 0.0F);
  CHECK_THROWS_AS(polynomial_features(wide, true), ConfigError);
  CHECK(polynomial_features(wide, false).width == 62);
}

}  // namespace
}  // namespace veer::ope

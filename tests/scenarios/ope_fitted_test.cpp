// Fitted Q evaluation against values known in closed form.
#include "scenarios/ope/fitted/fitted_q.h"

#include <fmt/format.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "env/error.h"
#include "env/random.h"
#include "scenarios/ope/fitted/linear_process.h"
#include "scenarios/ope/folds.h"
#include "scenarios/ope/sequential.h"
#include "tests/test.h"

namespace veer::ope {
namespace {

using doctest::Approx;

FittedQOptions quick_options() {
  FittedQOptions o;
  o.hidden = {32, 32};
  o.updates = 800;
  o.batch = 256;
  return o;
}

TEST_CASE("the process: closed form and simulation agree") {
  const LinearProcess process(3, 2, 0.9, 0.1, 5);
  const LinearPolicy policy = process.policy(1, 0.5);
  const FittedLog log = process.sample(policy, 100'000, 40, 7);
  double first = 0.0, all = 0.0, ten = 0.0;
  for (std::size_t i = 0; i + 1 < log.offsets.size(); ++i) {
    double discount = 1.0;
    for (std::int64_t step = log.offsets[i]; step < log.offsets[i + 1]; ++step) {
      const double r = double{log.reward[at(step)]};
      if (step == log.offsets[i]) first += r;
      if (step < log.offsets[i] + 10) ten += discount * r;
      all += discount * r;
      discount *= process.gamma();
    }
  }
  const auto count = static_cast<double>(log.trajectories());
  // Standard errors are near 0.002, 0.01 and 0.01; forty steps leave 0.81^40 of the rest.
  CHECK(first / count == Approx(process.value(policy, 1)).epsilon(0.01));
  CHECK(ten / count == Approx(process.value(policy, 10)).epsilon(0.01));
  CHECK(all / count == Approx(process.value(policy)).epsilon(0.01));
  CHECK(process.value(policy, 400) == Approx(process.value(policy)).epsilon(1e-9));
  // exp(log density) is the density: with noise alone, the mean log density is -A (ln(2 pi s^2) + 1) / 2.
  double density = 0.0;
  for (const float value : log.log_density) density += double{value};
  const double expected = -2.0 * 0.5 * (std::log(2.0 * 3.14159265358979 * 0.25) + 1.0);
  CHECK(density / static_cast<double>(log.steps()) == Approx(expected).epsilon(0.01));
}

TEST_CASE("dm and dr come to the value of a policy that did not act") {
  const LinearProcess process(3, 2, 0.9, 0.1, 5);
  const LinearPolicy acted = process.policy(1, 0.6);
  const LinearPolicy asked = LinearProcess::between(acted, process.policy(6, 0.6), 0.5, 0.6);
  const double truth = process.value(asked), behaviour = process.value(acted);
  const FittedLog log = process.sample(acted, 3000, 60, 11);
  const TargetActions actions = process.actions(asked, log, 4, 13);
  TrajectoryLog trajectories = trajectory_log(log, process.gamma(), process.log_densities(asked, log));
  const std::vector<std::int32_t> folds = folds_of(log.trajectories(), log.user, 2, 1);
  FittedQOptions options = quick_options();
  options.gamma = process.gamma();
  cross_fit_q(log, actions, folds, options, trajectories);
  check(trajectories);
  Summariser summariser({.replicates = 200});
  const Estimate dm = estimate(trajectories, SequentialEstimator::dm, summariser);
  const Estimate dr = estimate(trajectories, SequentialEstimator::dr, summariser);
  const Estimate pdis = estimate(trajectories, SequentialEstimator::pdis, summariser);
  MESSAGE(fmt::format("truth {:.4f}, behaviour {:.4f}: dm {:.4f}, dr {:.4f} +- {:.4f}, pdis {:.4f} +- {:.4f}",
                      truth, behaviour, dm.value, dr.value, dr.standard_error, pdis.value,
                      pdis.standard_error));
  CHECK(std::abs(truth - behaviour) > 0.2);  // or agreeing with the log would be enough
  CHECK(std::abs(dm.value - truth) < 0.1);
  CHECK(std::abs(dr.value - truth) < 3.0 * dr.standard_error);
  CHECK(dr.standard_error < 0.9 * pdis.standard_error);
}

/// Trajectories of one step with the state 0.5 and the action -0.5, reward 1.
FittedLog constant_log(StepEnd end) {
  FittedLog log;
  log.features = log.reals = 1;
  for (std::int64_t i = 0; i <= 200; ++i) log.offsets.push_back(i);
  log.states.assign(400, 0.5F);
  log.actions.assign(200, -0.5F);
  log.reward.assign(200, 1.0F);
  log.end.assign(200, end);
  log.episode.resize(200);
  std::iota(log.episode.begin(), log.episode.end(), 0);
  log.user.assign(200, 0);
  return log;
}

std::vector<std::int64_t> all_of(std::int64_t count) {
  std::vector<std::int64_t> out(at(count));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

TEST_CASE("a terminated step is worth its reward, a truncated one also what would have followed") {
  const auto value_of = [](StepEnd end, bool cut_is_end, std::int64_t copy_every) {
    const FittedLog log = constant_log(end);
    const TargetActions target{1, std::vector<float>(400, -0.5F), {}};
    FittedQOptions o = quick_options();
    o.gamma = 0.5;
    o.updates = 600;
    o.cut_is_end = cut_is_end;
    o.copy_every = copy_every;
    const std::vector<std::int64_t> trajectories = all_of(200);
    FittedQ model(log, target, trajectories, o);
    while (model.updates() < o.updates) model.update();
    double q = 0.0, v = 0.0;
    const std::int64_t step = 3;
    model.values({&step, 1}, {&q, 1}, {&v, 1});
    CHECK(q == Approx(v).epsilon(1e-6));
    return q;
  };
  CHECK(value_of(StepEnd::terminated, false, 0) == Approx(1.0).epsilon(0.02));
  CHECK(value_of(StepEnd::truncated, false, 0) == Approx(2.0).epsilon(0.02));
  CHECK(value_of(StepEnd::truncated, false, 20) == Approx(2.0).epsilon(0.02));
  CHECK(value_of(StepEnd::truncated, true, 0) == Approx(1.0).epsilon(0.02));
}

TEST_CASE("values stay within what rewards can add up to") {
  // Nothing ends, the reward is 1 and gamma 0.5: no value above 2 or below 0, whatever an update aims at.
  const FittedLog log = constant_log(StepEnd::truncated);
  const TargetActions target{1, std::vector<float>(400, 40.0F), {}};  // far from the log
  const std::vector<std::int64_t> trajectories = all_of(200);
  const auto value_with = [&](bool bounded) {
    FittedQOptions o = quick_options();
    o.gamma = 0.5;
    o.bounded = bounded;
    o.updates = 60;
    FittedQ model(log, target, trajectories, o);
    while (model.updates() < o.updates) model.update();
    const std::int64_t step = 0;
    double q = 0.0, v = 0.0;
    model.values({&step, 1}, {&q, 1}, {&v, 1});
    return v;
  };
  const double free = value_with(false), bounded = value_with(true);
  CHECK((free > 2.0 || free < 0.0));
  CHECK(bounded <= 2.0);
  CHECK(bounded >= 0.0);
}

TEST_CASE("weights of draws: the expectation over discrete actions") {
  // One state, two actions as one-hot rows worth 1 and 3, logged equally often; each ends.
  FittedLog log;
  log.features = 1;
  log.reals = 2;
  for (std::int64_t i = 0; i <= 400; ++i) log.offsets.push_back(i);
  log.states.assign(800, 1.0F);
  for (int i = 0; i < 400; ++i) {
    const float second = i % 2 == 0 ? 0.0F : 1.0F;
    log.actions.insert(log.actions.end(), {1.0F - second, second});
    log.reward.push_back(1.0F + 2.0F * second);
  }
  log.end.assign(400, StepEnd::terminated);
  log.episode.assign(400, 0);
  log.user.assign(400, 0);
  const TargetActions target = target_actions(
      log, 2, true, 1,
      [](View<const float> states, std::span<const StepKey>, View<float> actions, View<float> weights) {
        for (std::int32_t r = 0; r < states.rows(); ++r) {
          std::ranges::copy(std::vector<float>{1.0F, 0.0F, 0.0F, 1.0F}, actions.row(r).begin());
          std::ranges::copy(std::vector<float>{0.25F, 0.75F}, weights.row(r).begin());
        }
      });
  const std::vector<std::int64_t> trajectories = all_of(400);
  FittedQOptions o = quick_options();
  FittedQ model(log, target, trajectories, o);
  while (model.updates() < o.updates) model.update();
  std::vector<double> q(2), v(2);
  const std::vector<std::int64_t> steps{0, 1};
  model.values(steps, q, v);
  CHECK(q[0] == Approx(1.0).epsilon(0.02));
  CHECK(q[1] == Approx(3.0).epsilon(0.02));
  CHECK(v[0] == Approx(0.25 * 1.0 + 0.75 * 3.0).epsilon(0.02));
}

TEST_CASE("conservatism presses down the actions that the log does not show") {
  // Rewards of 1 whatever is done; the policy in question does what was never logged.
  const FittedLog log = constant_log(StepEnd::terminated);
  const TargetActions target{1, std::vector<float>(400, 0.9F), {}};
  const auto value_with = [&](double conservatism) {
    FittedQOptions o = quick_options();
    o.conservatism = conservatism;
    const std::vector<std::int64_t> trajectories = all_of(200);
    FittedQ model(log, target, trajectories, o);
    while (model.updates() < o.updates) model.update();
    const std::int64_t step = 0;
    double q = 0.0, v = 0.0;
    model.values({&step, 1}, {&q, 1}, {&v, 1});
    CHECK(q == Approx(1.0).epsilon(0.05));
    return v;
  };
  const double free = value_with(0.0), held = value_with(0.1);
  CHECK(std::abs(free - 1.0) < 0.5);
  CHECK(held < free - 0.5);
}

TEST_CASE("values do not depend on threads, and a fold's model has not seen its people") {
  const LinearProcess process(2, 1, 0.9, 0.2, 5);
  const LinearPolicy policy = process.policy(1, 0.5);
  FittedLog log = process.sample(policy, 300, 20, 3);
  for (std::size_t i = 0; i < log.user.size(); ++i) log.user[i] = static_cast<UserId>(i / 3);
  const TargetActions actions = process.actions(policy, log, 2, 13);
  const std::vector<std::int32_t> folds = folds_of(log.trajectories(), log.user, 3, 1);
  FittedQOptions o = quick_options();
  o.updates = 15;
  o.batch = 300;  // three shards, the last of them short
  o.conservatism = 0.01;
  const auto fit_on = [&](int threads, const FittedLog& data) {
    TrajectoryLog out = trajectory_log(data, 0.9);
    tbb::task_arena(threads).execute([&] { cross_fit_q(data, actions, folds, o, out); });
    return out;
  };
  const TrajectoryLog one = fit_on(1, log), three = fit_on(3, log);
  CHECK(one.q_hat == three.q_hat);
  CHECK(one.v_hat == three.v_hat);
  // Other rewards of one person change nothing about that person, and something about others.
  FittedLog changed = log;
  for (std::int64_t i = 0; i < log.offsets[3]; ++i) changed.reward[at(i)] += 5.0F;
  const TrajectoryLog after = fit_on(2, changed);
  bool own = false, others = false;
  for (std::int64_t i = 0; i + 1 < static_cast<std::int64_t>(log.offsets.size()); ++i) {
    const bool differs = one.q_hat[at(log.offsets[at(i)])] != after.q_hat[at(log.offsets[at(i)])];
    (folds[at(i)] == folds[0] ? own : others) |= differs;
  }
  CHECK_FALSE(own);
  CHECK(others);
}

TEST_CASE("transitions in any order become trajectories, and what cannot be one is refused") {
  Transitions t;
  t.resize(5, BatchShape{.rows = 5, .reals = 1, .features = 1});
  // Two episodes, interleaved as a batch leaves them: 7 has three steps and is cut, 4 has two and ends.
  t.episode = {7, 4, 7, 4, 7};
  t.step = {0, 0, 1, 1, 2};
  t.user = {1, 2, 1, 2, 1};
  t.observed = {0.0F, 10.0F, 1.0F, 11.0F, 2.0F};
  t.next_observed = {1.0F, 11.0F, 2.0F, 12.0F, 3.0F};
  t.action_reals = {0.1F, 0.2F, 0.3F, 0.4F, 0.5F};
  t.reward = {1.0F, 2.0F, 3.0F, 4.0F, 5.0F};
  t.log_prob = {-1.0F, -2.0F, -3.0F, -4.0F, -5.0F};
  t.end = {EndReason::running, EndReason::running, EndReason::running, EndReason::user_left,
           EndReason::horizon};
  const FittedLog log = fitted_log(t);
  CHECK(log.offsets == std::vector<std::int64_t>{0, 2, 5});
  CHECK(log.episode == std::vector<EpisodeId>{4, 7});
  CHECK(log.user == std::vector<UserId>{2, 1});
  CHECK(log.states == std::vector<float>{10.0F, 11.0F, 0.0F, 1.0F, 2.0F, 12.0F, 3.0F});
  CHECK(log.reward == std::vector<float>{2.0F, 4.0F, 1.0F, 3.0F, 5.0F});
  CHECK(log.end == std::vector<StepEnd>{StepEnd::none, StepEnd::terminated, StepEnd::none, StepEnd::none,
                                        StepEnd::truncated});
  const TrajectoryLog with = trajectory_log(log, 0.9, std::vector<double>{-2.0, -4.0, -1.0, -2.0, -5.0});
  CHECK(with.target[3] == Approx(std::exp(1.0)));
  CHECK(with.behaviour[3] == 1.0);

  Transitions gap = t;
  gap.step[4] = 3;
  CHECK_THROWS_AS(fitted_log(gap), DataError);
  Transitions again = t;
  again.end[0] = EndReason::user_left;
  CHECK_THROWS_AS(fitted_log(again), DataError);
  Transitions broken = t;
  broken.reward[2] = NAN;
  CHECK_THROWS_AS(fitted_log(broken), DataError);
  FittedQOptions o;
  o.gamma = 1.0;
  const TargetActions target{1, std::vector<float>(7, 0.0F), {}};
  const std::vector<std::int64_t> trajectories{0, 1};
  CHECK_THROWS_AS(FittedQ(log, target, trajectories, o), ConfigError);
  CHECK_THROWS_AS(FittedQ(log, {2, target.actions, {}}, trajectories, {}), DataError);
}

}  // namespace
}  // namespace veer::ope

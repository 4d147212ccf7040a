// Estimators and selection metrics against values computed by hand, and what is refused.
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "env/error.h"
#include "scenarios/ope/bandit.h"
#include "scenarios/ope/evidence.h"
#include "scenarios/ope/folds.h"
#include "scenarios/ope/magic.h"
#include "scenarios/ope/selection.h"
#include "scenarios/ope/sequential.h"
#include "tests/test.h"

using namespace veer;
using namespace veer::ope;

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

BanditLog four_rows() {
  BanditLog log;
  log.reward = {1, 0, 1, 0};
  log.target = {0.6, 0.3, 0.1, 0.5};
  log.behaviour = {0.2, 0.5, 0.5, 0.25};
  log.q_hat = {0.7, 0.2, 0.5, 0.3};
  log.v_hat = {0.5, 0.4, 0.3, 0.45};
  return log;
}

/// Ratios (2, .5), (.5, 1.5), (1, 3).
TrajectoryLog three_trajectories() {
  TrajectoryLog log;
  log.gamma = 0.9;
  log.offsets = {0, 2, 4, 6};
  log.reward = {1, 0, 0, 1, 1, 1};
  log.target = {0.5, 0.25, 0.25, 0.75, 0.5, 0.75};
  log.behaviour = {0.25, 0.5, 0.5, 0.5, 0.5, 0.25};
  log.q_hat = {1.5, 0.4, 0.9, 0.8, 1.4, 0.3};
  log.v_hat = {1.2, 0.5, 1.2, 0.6, 1.1, 0.4};
  log.end = {StepEnd::none,       StepEnd::terminated, StepEnd::none,
             StepEnd::terminated, StepEnd::none,       StepEnd::terminated};
  return log;
}

double value_of(const BanditLog& log, BanditEstimator estimator, const BanditOptions& options) {
  Summariser summariser({.replicates = 20});
  const Estimate found = estimate(log, estimator, options, summariser);
  double sum = 0.0;
  for (const double c : found.contributions) sum += c;
  CHECK(sum / static_cast<double>(found.contributions.size()) == doctest::Approx(found.value).epsilon(1e-12));
  return found.value;
}

double value_of(const TrajectoryLog& log, SequentialEstimator estimator) {
  Summariser summariser({.replicates = 20});
  return estimate(log, estimator, summariser).value;
}

bool near(double found, double golden) { return std::abs(found - golden) < 1e-9; }

template <class Refused>
std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Refused& error) {
    return error.what();
  }
  return "not refused";
}

}  // namespace

TEST_CASE("bandit estimators of four rows are the golden values") {
  using enum BanditEstimator;
  const BanditLog log = four_rows();
  const BanditOptions options{.clip = 2, .switch_at = 2, .shrinkage = 1, .sub_gaussian = 0.1};
  CHECK(near(value_of(log, ips, options), 0.8));
  CHECK(near(value_of(log, clipped_ips, options), 0.55));
  CHECK(near(value_of(log, snips, options), 1.6 * 2 / 5.8));
  CHECK(near(value_of(log, snips, options), 0.5517241379310345));
  CHECK(near(value_of(log, dm, options), 0.4125));
  CHECK(near(value_of(log, dr, options), 0.4825));
  CHECK(near(value_of(log, sndr, options), 0.4125 + 0.28 / 5.8));
  CHECK(std::abs(value_of(log, sndr, options) - 0.4607758621) < 1e-10);
  CHECK(near(value_of(log, switch_dr, options), 0.2575));
  CHECK(std::abs(value_of(log, dros, options) - 0.4069796380) < 1e-10);
  CHECK(std::abs(value_of(log, sg_dr, options) - 0.4595602767) < 1e-10);
  CHECK(std::abs(value_of(log, sg_ips, options) - 0.6793478261) < 1e-10);
  const std::vector<double> golden{12, 0.6, 0.2, 6};
  const std::vector<double> weights = mrdr_weights(log);
  for (std::size_t i = 0; i < 4; ++i) CHECK(near(weights[i], golden[i]));
}

TEST_CASE("the ends of the options are the estimators they should be") {
  using enum BanditEstimator;
  BanditLog log = four_rows();
  log.target[1] = 0.0;  // the limits must not divide 0 by 0
  const BanditOptions none{.clip = infinite, .switch_at = infinite, .shrinkage = infinite, .sub_gaussian = 0};
  const double plain = value_of(log, dr, none);
  for (const BanditEstimator e : {clipped_dr, switch_dr, dros, sg_dr})
    CHECK(near(value_of(log, e, none), plain));
  CHECK(near(value_of(log, clipped_ips, none), value_of(log, ips, none)));
  const BanditOptions all{.clip = 1, .switch_at = 0, .shrinkage = 0, .sub_gaussian = 1};
  CHECK(near(value_of(log, dros, all), value_of(log, dm, all)));
  CHECK(near(value_of(log, switch_dr, all), value_of(log, dm, all)));
  CHECK(near(value_of(log, sg_ips, all), 2.0 / 4.0));  // every ratio but 0 becomes 1
  for (const BanditOptions& wrong :
       {BanditOptions{.clip = 0}, BanditOptions{.switch_at = -1}, BanditOptions{.shrinkage = std::nan("")},
        BanditOptions{.sub_gaussian = 1.5}}) {
    CHECK_THROWS_AS(value_of(log, dr, wrong), ConfigError);
  }
  log.q_hat.clear();
  log.v_hat.clear();
  CHECK_THROWS_AS(value_of(log, dr, none), ConfigError);
}

TEST_CASE("sequential estimators of three trajectories are the golden values") {
  using enum SequentialEstimator;
  const TrajectoryLog log = three_trajectories();
  CHECK(std::abs(value_of(log, tis) - 2.4583333333) < 1e-10);
  CHECK(std::abs(value_of(log, sn_tis) - 1.5526315789) < 1e-10);
  CHECK(near(value_of(log, pdis), 2.125));
  CHECK(std::abs(value_of(log, sn_pdis) - 1.5676691729) < 1e-10);
  CHECK(std::abs(value_of(log, dm) - 1.1666666667) < 1e-10);
  CHECK(near(value_of(log, dr), 1.615));
  CHECK(std::abs(value_of(log, wdr) - 1.4257644110) < 1e-10);
}

TEST_CASE("MAGIC mixes the golden j-step returns") {
  const TrajectoryLog log = three_trajectories();
  Summariser summariser({.replicates = 1000});
  const Magic magic = magic_of(wdr_ratios(log, cumulative_ratios(log)), {}, summariser);
  REQUIRE(magic.steps == std::vector<std::int64_t>{-1, 0, 1});
  const std::vector<double> golden{1.1666666667, 1.0752380952, 1.4257644110};
  double mixed = 0.0, total = 0.0;
  for (std::size_t k = 0; k < 3; ++k) {
    CHECK(std::abs(magic.returns[k] - golden[k]) < 1e-10);
    CHECK(magic.mixture[k] >= 0.0);
    mixed += magic.mixture[k] * magic.returns[k];
    total += magic.mixture[k];
  }
  CHECK(near(total, 1.0));
  CHECK(near(estimate(log, SequentialEstimator::magic, summariser).value, mixed));
  CHECK(magic.bias[2] == 0.0);  // wdr lies in its own interval
}

TEST_CASE("the mixture is the smallest on the simplex") {
  // Two independent estimates: weights in inverse proportion to their variances.
  const std::vector<double> two{4, 0, 0, 1};
  const std::vector<double> x = smallest_on_simplex(two, 2);
  CHECK(x[0] == doctest::Approx(0.2).epsilon(1e-10));
  // A biased one beside two of equal and opposite bias: bias bias' lets those cancel.
  std::vector<double> three(9);
  const double bias[3] = {1, -1, 0.5};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) three[i * 3 + j] = bias[i] * bias[j] + (i == j ? 1e-3 : 0.0);
  }
  const std::vector<double> y = smallest_on_simplex(three, 3);
  CHECK(std::abs(y[0] - y[1] + 0.5 * y[2]) < 0.01);
  // A corner.
  const std::vector<double> corner = smallest_on_simplex(std::vector<double>{1, 1, 1, 5}, 2);
  CHECK(corner[0] == doctest::Approx(1.0));
  CHECK(corner[1] == 0.0);
}

TEST_CASE("policy selection has the golden values") {
  const std::vector<double> truth{1, 0.8, 0.6, 0.9, 0.2}, found{0.9, 1, 0.5, 0.3, 0.4};
  CHECK(near(spearman(truth, found), 0.2));
  CHECK(near(kendall(truth, found), 0.2));
  const TopK one = top_k(truth, found, 1, 0.5, 0.85);
  CHECK(near(one.regret, 0.2));
  CHECK(std::isnan(one.sharpe_population));
  CHECK(one.violation_rate == 1.0);
  const TopK two = top_k(truth, found, 2, 0.5, 0.85);
  CHECK(near(two.regret, 0.0));
  CHECK(near(two.sum_regret, 0.1));
  CHECK(near(two.sharpe_population, 5.0));
  CHECK(std::abs(two.sharpe_sample - 3.5355339059) < 1e-10);
  CHECK(two.violation_rate == 0.5);
  const TopK three = top_k(truth, found, 3, 0.5, 0.85);
  CHECK(near(three.regret, 0.0));
  CHECK(near(three.sum_regret, 0.3));
  CHECK(std::abs(three.sharpe_population - 3.0618621785) < 1e-10);
  CHECK(near(three.sharpe_sample, 2.5));
  CHECK(near(three.worst, 0.6));
  CHECK(near(three.mean, 0.8));
  CHECK(top_k(truth, found, 3, 2.0, 0.0).sharpe_sample == 0.0);  // no numerator below 0
  CHECK(top_k(truth, found, 3, 2.0, 0.0).sharpe_population < 0.0);
  CHECK(near(mean_squared_error(truth, found), (0.01 + 0.04 + 0.01 + 0.36 + 0.04) / 5));
  // Ties: tau-b of (1,1,2) and (1,2,3) is 2 / sqrt(2 * 3).
  CHECK(near(kendall(std::vector<double>{1, 1, 2}, std::vector<double>{1, 2, 3}), 2 / std::sqrt(6.0)));
  const ThresholdErrors errors = threshold_errors(truth, found, 0.7);
  CHECK(near(errors.turned_away, 1.0 / 3.0));
  CHECK(near(errors.let_through, 0.0));
  CHECK_THROWS_AS(top_k(truth, found, 6, 0.5, 0.0), ConfigError);
  CHECK_THROWS_AS(top_k(truth, found, 0, 0.5, 0.0), ConfigError);
}

TEST_CASE("effective sample size and largest share") {
  CHECK(near(effective_sample_size(std::vector<double>{3, 0.6, 0.2, 2}), 5.8 * 5.8 / 13.4));
  CHECK(near(largest_share(std::vector<double>{3, 0.6, 0.2, 2}), 3 / 5.8));
  CHECK(near(effective_sample_size(std::vector<double>{1e200, 1e200}), 2.0));  // squares beyond double
  CHECK(effective_sample_size(std::vector<double>{0, 0}) == 0.0);
}

TEST_CASE("logs that break the rules are refused with the row") {
  const auto refused = [](const std::function<void(BanditLog&)>& damage) {
    BanditLog log = four_rows();
    damage(log);
    return message_of<DataError>([&] { check(log); });
  };
  CHECK_NOTHROW(check(four_rows()));
  CHECK(refused([](BanditLog& log) { log.behaviour[2] = 0; }).find("behaviour, row 2: found 0") == 0);
  CHECK(refused([](BanditLog& log) { log.behaviour[1] = 1.5; }).find("behaviour, row 1: found 1.5") == 0);
  CHECK(refused([](BanditLog& log) {
          log.behaviour[3] = std::nan("");
        }).find("behaviour, row 3: found nan") == 0);
  CHECK(refused([](BanditLog& log) { log.target[0] = -0.1; }).find("target, row 0: found -0.1") == 0);
  CHECK(refused([](BanditLog& log) { log.target[0] = infinite; }).find("target, row 0") == 0);
  CHECK(refused([](BanditLog& log) { log.reward[3] = infinite; }).find("reward, row 3: found inf") == 0);
  CHECK(refused([](BanditLog& log) { log.q_hat[1] = std::nan(""); }).find("q_hat, row 1") == 0);
  CHECK(refused([](BanditLog& log) { log.v_hat.pop_back(); }).find("v_hat: found 3 values; expected 4") == 0);
  CHECK(refused([](BanditLog& log) { log.cluster = {1, 2}; }).find("cluster: found 2 values") == 0);
  CHECK(refused([](BanditLog& log) { log = {}; }).find("found no rows") == 0);
  CHECK(refused([](BanditLog& log) {
          log.actions.deterministic_target = true;
        }).find("target, row 0: found 0.6") == 0);
}

TEST_CASE("densities may exceed 1, but a deterministic policy has none") {
  BanditLog log = four_rows();
  log.actions.space = ActionSpace::continuous;
  log.behaviour[0] = 7.5;
  CHECK_NOTHROW(check(log));
  log.actions.deterministic_target = true;
  const std::string message = message_of<ConfigError>([&] { check(log); });
  CHECK(message.find("importance ratios do not exist") != std::string::npos);
}

TEST_CASE("trajectories that break the rules are refused with the row") {
  const auto refused = [](const std::function<void(TrajectoryLog&)>& damage) {
    TrajectoryLog log = three_trajectories();
    damage(log);
    return message_of<Error>([&] { check(log); });
  };
  CHECK_NOTHROW(check(three_trajectories()));
  CHECK(refused([](TrajectoryLog& log) { log.end[3] = StepEnd::none; }).find("end, row 3: found nothing") ==
        0);
  CHECK(refused([](TrajectoryLog& log) {
          log.end[2] = StepEnd::truncated;
        }).find("end, row 2: found an end") == 0);
  CHECK(refused([](TrajectoryLog& log) { log.gamma = 1.0; }).find("gamma: found 1") == 0);
  CHECK(refused([](TrajectoryLog& log) { log.gamma = -0.1; }).find("gamma: found -0.1") == 0);
  CHECK(refused([](TrajectoryLog& log) { log.gamma = std::nan(""); }).find("gamma: found nan") == 0);
  CHECK(refused([](TrajectoryLog& log) { log.offsets = {0, 2, 2, 6}; }).find("offsets: found other") == 0);
  CHECK(refused([](TrajectoryLog& log) { log.offsets = {0, 2, 4}; }).find("offsets: found other") == 0);
  CHECK(refused([](TrajectoryLog& log) { log.cluster = {1}; }).find("cluster: found 1 values") == 0);
  CHECK(refused([](TrajectoryLog& log) { log.end.pop_back(); }).find("end: found 5 values") == 0);
  CHECK(refused([](TrajectoryLog& log) { log.behaviour[5] = 0; }).find("behaviour, row 5") == 0);
}

TEST_CASE("weights beyond double are an error, not infinity") {
  TrajectoryLog log;
  log.offsets = {0, 400};
  log.reward.assign(400, 1.0);
  log.target.assign(400, 1.0);
  log.behaviour.assign(400, 0.1);
  log.end.assign(400, StepEnd::none);
  log.end.back() = StepEnd::truncated;
  check(log);
  CHECK(message_of<DataError>([&] { cumulative_ratios(log); }).find("row 308") != std::string::npos);
}

TEST_CASE(
    "one endless trajectory among many short ones is refused by what needs a table, and by that alone") {
  TrajectoryLog log;
  log.offsets = {0, 6000};
  for (int i = 0; i < 6000; ++i) log.offsets.push_back(log.offsets.back() + 1);
  log.reward.assign(12000, 1.0);
  log.target.assign(12000, 0.5);
  log.behaviour.assign(12000, 0.5);
  log.end.assign(12000, StepEnd::terminated);
  for (std::size_t step = 0; step < 5999; ++step) log.end[step] = StepEnd::none;
  check(log);
  CHECK(message_of<DataError>([&] {
          value_of(log, SequentialEstimator::sn_pdis);
        }).find("6001 trajectories") != std::string::npos);
  CHECK(value_of(log, SequentialEstimator::pdis) == doctest::Approx((6000.0 + 20.0) / 6001.0));
}

TEST_CASE("folds keep clusters together and are even") {
  const std::vector<UserId> clusters{5, 5, 7, 7, 7, 9, 11, 2, 2, 3};
  const std::vector<std::int32_t> folds = folds_of(10, clusters, 3, 4);
  for (std::size_t i = 0; i < 10; ++i) {
    for (std::size_t j = 0; j < 10; ++j) {
      if (clusters[i] == clusters[j]) CHECK(folds[i] == folds[j]);
    }
  }
  std::vector<int> sizes(3, 0);
  for (const std::size_t first : {0, 2, 5, 6, 7, 9}) ++sizes[at(folds[first])];
  CHECK(sizes == std::vector<int>{2, 2, 2});
  CHECK_THROWS_AS(folds_of(10, clusters, 7, 4), ConfigError);
  CHECK_THROWS_AS(folds_of(10, clusters, 1, 4), ConfigError);
}

TEST_CASE("cross-fitted values come from models that saw other rows") {
  BanditLog log = four_rows();
  const std::vector<std::int32_t> folds = folds_of(4, {}, 2, 1);
  cross_fit(log, folds, [&](std::span<const std::int64_t> rows) -> QModel {
    double sum = 0.0;
    for (const std::int64_t row : rows) sum += std::pow(10.0, static_cast<double>(row));
    return [sum](std::int64_t) { return StepValues{sum, -sum}; };
  });
  for (std::size_t i = 0; i < 4; ++i) {
    double expected = 0.0;
    for (std::size_t j = 0; j < 4; ++j) expected += folds[j] == folds[i] ? 0.0 : std::pow(10.0, double(j));
    CHECK(log.q_hat[i] == expected);
    CHECK(log.v_hat[i] == -expected);
  }
}

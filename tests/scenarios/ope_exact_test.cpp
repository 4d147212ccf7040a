// Estimators on worlds whose every log can be listed: exact expectations, and what more data lead to.
#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "env/error.h"
#include "scenarios/ope/sequential.h"
#include "tests/scenarios/ope_worlds.h"
#include "tests/test.h"

using namespace veer;
using namespace veer::ope;
using namespace veer::tests;

namespace {

/// Calls visit(log of `size` outcomes, its probability) for every possible log.
template <class World, class Log, class Add, class Visit>
void for_each_log(const World& world, int size, const Log& empty, const Add& add, const Visit& visit) {
  const auto outcomes = world.outcomes();
  std::vector<std::size_t> picked(at(size), 0);
  for (bool more = true; more;) {
    Log log = empty;
    double probability = 1.0;
    for (const std::size_t pick : picked) {
      add(log, outcomes[pick]);
      probability *= outcomes[pick].probability;
    }
    visit(log, probability);
    more = false;
    for (std::size_t& pick : picked) {  // counts up, first digit fastest
      if (++pick < outcomes.size()) {
        more = true;
        break;
      }
      pick = 0;
    }
  }
}

Summariser no_interval() { return Summariser({.interval = Interval::normal}); }

const BanditOptions tight{.clip = 2.0, .switch_at = 2.0, .shrinkage = 3.0, .sub_gaussian = 0.2};

/// What each estimator becomes with ever more rows, from the world itself.
double limit_of(const BanditWorld& world, BanditEstimator estimator) {
  using enum BanditEstimator;
  const auto with_weight = [&](const std::function<double(double)>& weight, bool model) {
    return world.expectation([&](int x, int a) {
      const double w = weight(world.ratio(x, a)), r = world.mean[at(x)][at(a)];
      return model ? world.modelled(x) + w * (r - world.model[at(x)][at(a)]) : w * r;
    });
  };
  const auto clipped = [](double w) { return std::min(w, tight.clip); };
  const auto sub_gaussian = [](double w) { return w / (0.8 + 0.2 * w); };
  switch (estimator) {
    case clipped_ips:
      return with_weight(clipped, false);
    case clipped_dr:
      return with_weight(clipped, true);
    case sg_ips:
      return with_weight(sub_gaussian, false);
    case sg_dr:
      return with_weight(sub_gaussian, true);
    case switch_dr:
      return with_weight([](double w) { return w > 2.0 ? 0.0 : w; }, true);
    case dros:
      return with_weight([](double w) { return 3.0 * w / (w * w + 3.0); }, true);
    case dm:
      return with_weight([](double) { return 0.0; }, true);
    default:
      return world.truth();
  }
}

double root_mean_square(const std::vector<double>& errors) {
  double squares = 0.0;
  for (const double e : errors) squares += e * e;
  return std::sqrt(squares / static_cast<double>(errors.size()));
}

}  // namespace

TEST_CASE(
    "over all logs of three rows, bandit estimators but the normalised ones are their limit on average") {
  const BanditWorld world;
  Summariser summariser = no_interval();
  std::map<BanditEstimator, double> expected;
  double total = 0.0;
  for_each_log(
      world, 3, BanditLog{}, [&](BanditLog& log, const BanditOutcome& row) { world.add(log, row); },
      [&](const BanditLog& log, double probability) {
        total += probability;
        for (const BanditEstimator e : bandit_estimators()) {
          expected[e] += probability * estimate(log, e, tight, summariser).value;
        }
      });
  CHECK(total == doctest::Approx(1.0).epsilon(1e-12));
  for (const BanditEstimator e : bandit_estimators()) {
    CAPTURE(name_of(e));
    const double off = std::abs(expected[e] - limit_of(world, e));
    if (e == BanditEstimator::snips || e == BanditEstimator::sndr) {
      CHECK(off > 1e-3);  // three rows are few: a ratio of means is no mean of ratios
    } else {
      CHECK(off < 1e-9);
    }
  }
  CHECK(std::abs(expected[BanditEstimator::ips] - world.truth()) < 1e-9);
  CHECK(std::abs(expected[BanditEstimator::dr] - world.truth()) < 1e-9);
  CHECK(std::abs(expected[BanditEstimator::clipped_ips] - world.truth()) > 0.01);
}

TEST_CASE("over all logs of two trajectories, TIS, PDIS and DR are the truth on average") {
  const ProcessWorld world;
  Summariser summariser = no_interval();
  std::map<SequentialEstimator, double> expected;
  Tabular table = world.table();
  using enum SequentialEstimator;
  for_each_log(
      world, 2, world.empty_log(),
      [&](TrajectoryLog& log, const PathOutcome& path) { world.add(log, table, path); },
      [&](const TrajectoryLog& log, double probability) {
        check(log);
        for (const SequentialEstimator e : {tis, sn_tis, pdis, sn_pdis, dm, dr, wdr}) {
          expected[e] += probability * estimate(log, e, summariser).value;
        }
      });
  for (const SequentialEstimator e : {tis, pdis, dr}) {
    CAPTURE(name_of(e));
    CHECK(std::abs(expected[e] - world.truth()) < 1e-9);
  }
  CHECK(std::abs(expected[dm] - (world.modelled(0) + world.modelled(1)) / 2) < 1e-9);
  for (const SequentialEstimator e : {sn_tis, sn_pdis, wdr}) {
    CAPTURE(name_of(e));
    CHECK(std::abs(expected[e] - world.truth()) > 1e-3);
  }
}

TEST_CASE("a log of all trajectories in their proportions gives consistent estimators the truth") {
  // Frequencies equal to probabilities: what more and more data come to. Every probability of a simpler world
  // is a multiple of 1/160.
  ProcessWorld world;
  world.behaviour = {{{0.5, 0.5}, {0.25, 0.75}, {0.5, 0.5}, {0.75, 0.25}}};
  world.next = {{{{{0.5, 0.25, 0.25}, {0.25, 0.5, 0.25}}}, {{{0.25, 0.25, 0.5}, {0.5, 0.5, 0.0}}}}};
  TrajectoryLog log = world.empty_log();
  Tabular table = world.table();
  for (const PathOutcome& path : world.outcomes()) {
    const double copies = path.probability * 128.0;
    REQUIRE(copies == std::round(copies));
    for (int i = 0; i < static_cast<int>(copies); ++i) world.add(log, table, path);
  }
  check(log);
  check(table, log);
  Summariser summariser = no_interval();
  using enum SequentialEstimator;
  for (const SequentialEstimator e : {tis, sn_tis, pdis, sn_pdis, dr, wdr}) {
    CAPTURE(name_of(e));
    CHECK(std::abs(estimate(log, e, summariser).value - world.truth()) < 1e-9);
  }
  CHECK(std::abs(marginalised(log, table, summariser).value - world.truth()) < 1e-9);
  std::vector<std::int64_t> everything(at(log.trajectories()));
  std::iota(everything.begin(), everything.end(), 0);
  const std::vector<double> q = tabular_q(log, table, everything);
  for (int s = 0; s < 4; ++s) {
    for (int a = 0; a < 2; ++a) CHECK(std::abs(q[at(s * 2 + a)] - world.true_q(s, a)) < 1e-9);
  }
}

TEST_CASE("tabular Q of a loop is the geometric sum, whatever the discount") {
  for (const double gamma : {0.0, 0.5, 0.99}) {
    TrajectoryLog log;
    log.gamma = gamma;
    log.offsets = {0, 3, 4};
    log.reward = {1, 1, 1, 50};
    log.behaviour = {0.5, 0.5, 0.5, 0.5};
    log.target = {1, 1, 1, 0};
    log.end = {StepEnd::none, StepEnd::none, StepEnd::truncated, StepEnd::terminated};
    const Tabular table{1, 2, {0, 0, 0, 0}, {0, 0, 0, 1}, {1, 0}};
    check(log);
    check(table, log);
    const std::vector<std::int64_t> both{0, 1};
    const std::vector<double> q = tabular_q(log, table, both);
    CHECK(q[0] == doctest::Approx(1.0 / (1.0 - gamma)).epsilon(1e-11));
    CHECK(q[1] == doctest::Approx(50.0).epsilon(1e-11));
  }
}

TEST_CASE("tables that do not fit their log are refused") {
  const SampledProcess good = sampled(ProcessWorld{}, 20, 1);
  CHECK_NOTHROW(check(good.table, good.log));
  const auto refused = [&](const std::function<void(Tabular&)>& damage) {
    Tabular table = good.table;
    damage(table);
    try {
      check(table, good.log);
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("not refused");
  };
  CHECK(refused([](Tabular& t) { t.state[3] = 4; }).find("state, row 3: found 4") == 0);
  CHECK(refused([](Tabular& t) { t.action[2] = -1; }).find("action, row 2: found -1") == 0);
  CHECK(refused([](Tabular& t) { t.policy[4] = 0.7; }).find("policy, row 2: found probabilities") == 0);
  CHECK(refused([](Tabular& t) { t.action[1] = 1 - t.action[1]; }).find("target, row 1: found") == 0);
  CHECK(refused([](Tabular& t) { t.state.pop_back(); }).find("states and actions: found") == 0);
}

TEST_CASE("errors of consistent estimators halve with four times the data") {
  const BanditWorld bandit;
  const ProcessWorld process;
  const std::vector<std::int64_t> sizes{100, 400, 1600};
  std::map<std::string, std::vector<double>> root_errors;
  Summariser summariser = no_interval();
  for (const std::int64_t size : sizes) {
    std::map<std::string, std::vector<double>> errors;
    for (std::uint64_t repetition = 0; repetition < 200; ++repetition) {
      const std::uint64_t seed = 1000 * static_cast<std::uint64_t>(size) + repetition;
      const BanditLog rows = sampled(bandit, size, seed);
      for (const BanditEstimator e : {BanditEstimator::snips, BanditEstimator::sndr}) {
        errors[std::string(name_of(e))].push_back(estimate(rows, e, {}, summariser).value - bandit.truth());
      }
      SampledProcess paths = sampled(process, size, seed);
      using enum SequentialEstimator;
      for (const SequentialEstimator e : {sn_tis, sn_pdis, wdr}) {
        errors[std::string(name_of(e))].push_back(estimate(paths.log, e, summariser).value - process.truth());
      }
      errors["marginalised"].push_back(marginalised(paths.log, paths.table, summariser).value -
                                       process.truth());
      cross_fit(paths.log, folds_of(size, {}, 3, seed), tabular_fit(paths.log, paths.table));
      errors["tabular fqe"].push_back(estimate(paths.log, dm, summariser).value - process.truth());
    }
    for (const auto& [name, found] : errors) root_errors[name].push_back(root_mean_square(found));
  }
  CHECK(root_errors.size() == 7);
  for (const auto& [name, found] : root_errors) {
    CAPTURE(name);
    MESSAGE(fmt::format("{}: root mean squared error {:.4f}, {:.4f}, {:.4f} for 100, 400, 1600", name,
                        found[0], found[1], found[2]));
    // 200 repetitions leave 5 % of standard error on each, 7 % on a quotient of two.
    CHECK(found[0] / found[1] == doctest::Approx(2.0).epsilon(0.25));
    CHECK(found[1] / found[2] == doctest::Approx(2.0).epsilon(0.25));
  }
}

TEST_CASE("biased bandit estimators come to their own limit") {
  const BanditWorld world;
  const BanditLog log = sampled(world, 100000, 77);
  Summariser summariser = no_interval();
  for (const BanditEstimator e : bandit_estimators()) {
    const Estimate found = estimate(log, e, tight, summariser);
    const double limit = limit_of(world, e);
    CAPTURE(found.name);
    MESSAGE(fmt::format("{}: limit {:.4f}, bias {:+.4f}", found.name, limit, limit - world.truth()));
    CHECK(found.standard_error < 0.01);
    CHECK(std::abs(found.value - limit) < 4.0 * found.standard_error);
  }
  using enum BanditEstimator;
  for (const BanditEstimator e : {clipped_ips, sg_ips, dm, clipped_dr, switch_dr, dros, sg_dr}) {
    CAPTURE(name_of(e));
    CHECK(std::abs(limit_of(world, e) - world.truth()) > 0.005);
  }
}

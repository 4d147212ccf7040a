#include "tools/bench/ope.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <numeric>
#include <string>
#include <vector>

#include "scenarios/ope/fitted/fitted_q.h"
#include "scenarios/ope/fitted/linear_process.h"
#include "scenarios/ope/folds.h"
#include "scenarios/ope/sequential.h"
#include "tools/bench/fitted_straightforward.h"
#include "tools/bench/path_score_straightforward.h"

namespace veer::bench {
namespace {

constexpr double process_gamma = 0.95;
constexpr std::int64_t longest_trajectory = 30;

/// What is judged, from what.
struct OpeWork {
  ope::LinearProcess process{20, 12, process_gamma, 0.1, 1};
  ope::LinearPolicy acted = process.policy(1, 0.5);
  ope::LinearPolicy asked = ope::LinearProcess::between(acted, process.policy(7, 0.5), 0.1, 0.5);
  ope::FittedLog log;
  ope::TargetActions target;

  explicit OpeWork(const BenchOptions& options)
      : log(process.sample(acted, options.quick ? 4'000 : 104'400, longest_trajectory, options.seed)) {}
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

BenchCase update_case(const OpeWork& work, const ope::FittedQOptions& fit, const BenchOptions& options) {
  std::vector<std::int64_t> everybody(at(work.log.trajectories()));
  std::iota(everybody.begin(), everybody.end(), 0);
  ope::FittedQ engine(work.log, work.target, everybody, fit);
  StraightforwardQ plain(work.log, work.target, fit, engine.parameters());
  double apart = 0.0;
  for (int u = 0; u < 50; ++u) {
    const double mine = engine.update(), theirs = plain.update();
    apart = std::max(apart, std::abs(mine - theirs) / theirs);
  }
  const int engine_updates = options.quick ? 50 : 300, plain_updates = options.quick ? 10 : 50;
  std::vector<double> fast, one, all, fast_processor, one_processor;
  const auto processor = [] { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; };
  for (int i = 0; i < options.repetitions; ++i) {
    double begun = processor();
    fast.push_back(seconds_of([&] {
                     for (int u = 0; u < engine_updates; ++u) engine.update();
                   }) /
                   engine_updates);
    fast_processor.push_back((processor() - begun) / engine_updates);
    for (const int threads : {1, options.threads}) {
      // Whichever number of threads loses the first time is not timed again.
      if (threads > 1 && i > 0 && all.front() > one.front()) continue;
      const IntraOpThreads scope(threads);
      begun = processor();
      const double seconds = seconds_of([&] {
        for (int u = 0; u < plain_updates; ++u) plain.update();
      });
      (threads == 1 ? one : all).push_back(seconds / plain_updates);
      if (threads == 1) one_processor.push_back((processor() - begun) / plain_updates);
    }
  }
  if (all.empty()) all = one;  // one thread in all
  BenchCase out;
  out.name = "updates of a Q network";
  out.unit = "updates/s";
  out.engine = 1.0 / median(fast);
  out.straightforward = 1.0 / std::min(median(one), median(all));
  out.ratio = out.engine / out.straightforward;
  out.agrees = apart < 1e-3;
  out.figures = {{"largest_relative_loss_difference_of_50_updates", apart},
                 {"straightforward_1_thread_updates_per_s", 1.0 / median(one)},
                 {"straightforward_all_threads_updates_per_s", 1.0 / median(all)},
                 {"ratio_of_processor_time", median(one_processor) / median(fast_processor)}};
  return out;
}

BenchCase evaluation_case(OpeWork& work, const ope::FittedQOptions& fit, double plain_updates_per_s) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  work.target = work.process.actions(work.asked, work.log, 1, 2);
  ope::TrajectoryLog trajectories =
      ope::trajectory_log(work.log, process_gamma, work.process.log_densities(work.asked, work.log));
  const std::vector<std::int32_t> folds = ope::folds_of(work.log.trajectories(), work.log.user, 2, 1);
  const double prepared = seconds_since(start);
  // A fold is fitted until its last update; what comes until the next fold's first are values.
  double fitting = 0.0;
  auto fold_start = Clock::now();
  ope::cross_fit_q(work.log, work.target, folds, fit, trajectories, [&](std::int64_t updates, double) {
    if (updates % fit.updates == 1) fold_start = Clock::now();
    if (updates % fit.updates == 0) fitting += seconds_since(fold_start);
  });
  const double fitted = seconds_since(start);
  Summariser summariser({.seed = 1});
  const ope::Estimate dr = ope::estimate(trajectories, ope::SequentialEstimator::dr, summariser);
  const ope::Estimate dm = ope::estimate(trajectories, ope::SequentialEstimator::dm, summariser);
  const double all = seconds_since(start);

  const double exact = work.process.value(work.asked, longest_trajectory);
  const double exact_for_ever = work.process.value(work.asked);
  const double behaviour = work.process.value(work.acted);
  BenchCase out;
  out.name = "fqe and dr, whole";
  out.unit = "steps/s";
  out.engine = static_cast<double>(work.log.steps()) / all;
  out.agrees = std::abs(dr.value - exact) < 4.0 * dr.standard_error &&
               std::abs(dm.value - exact_for_ever) < 0.1 * std::abs(exact_for_ever - behaviour);
  out.figures = {{"steps", static_cast<double>(work.log.steps())},
                 {"seconds", all},
                 {"share_of_time_in_actions_and_densities", prepared / all},
                 {"share_of_time_in_fitting", fitting / all},
                 {"share_of_time_in_values", (fitted - prepared - fitting) / all},
                 {"share_of_time_in_estimates", (all - fitted) / all},
                 {"straightforward_seconds_of_fitting_alone",
                  2.0 * static_cast<double>(fit.updates) / plain_updates_per_s},
                 {"exact_value_of_the_policy_that_acted", behaviour},
                 {"exact_value_until_the_cut", exact},
                 {"dr_error", dr.value - exact},
                 {"dr_standard_error", dr.standard_error},
                 {"dr_effective_sample_size", dr.effective_sample_size},
                 {"exact_value", exact_for_ever},
                 {"dm_error", dm.value - exact_for_ever}};
  return out;
}

}  // namespace

BenchReport ope_with_model(const BenchOptions& options) {
  OpeWork work(options);
  work.target = work.process.actions(work.asked, work.log, 1, 2);
  ope::FittedQOptions fit;
  fit.gamma = process_gamma;
  fit.seed = options.seed;
  if (options.quick) fit.updates = 500;
  BenchReport report;
  report.workload = "ope";
  report.cases.push_back(update_case(work, fit, options));
  report.cases.push_back(evaluation_case(work, fit, report.cases.back().straightforward));
  report.notes = {
      "two folds: twice the updates; dr is about the first 30 steps, where the log cuts trajectories off, dm "
      "about all that would follow"};
  return report;
}

}  // namespace veer::bench

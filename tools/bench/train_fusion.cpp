#include "tools/bench/train_fusion.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <string>
#include <vector>

#include "agents/fusion/learning/fusion_learner.h"
#include "agents/replay/replay_buffer.h"
#include "scenarios/ope/fitted/linear_process.h"
#include "tools/bench/fusion_straightforward.h"
#include "tools/bench/path_score_straightforward.h"

namespace veer::bench {
namespace {

constexpr std::int32_t fusion_features = 20, fusion_weights = 12;

Transitions transitions_of(const ope::FittedLog& log) {
  Transitions out;
  out.resize(static_cast<std::int32_t>(log.steps()),
             BatchShape{.rows = 1, .reals = log.reals, .features = log.features});
  const std::size_t width = at(log.features);
  for (std::size_t i = 0; i + 1 < log.offsets.size(); ++i) {
    for (std::size_t step = at(log.offsets[i]); step < at(log.offsets[i + 1]); ++step) {
      const bool last = step + 1 == at(log.offsets[i + 1]);
      const std::size_t next = last ? at(log.steps()) + i : step + 1;
      std::copy_n(log.states.data() + step * width, width, out.observed.data() + step * width);
      std::copy_n(log.states.data() + next * width, width, out.next_observed.data() + step * width);
      out.end[step] = log.end[step] == ope::StepEnd::terminated ? EndReason::user_left
                      : last                                    ? EndReason::horizon
                                                                : EndReason::running;
    }
  }
  for (std::size_t i = 0; i < out.action_reals.size(); ++i) {
    out.action_reals[i] = std::clamp(log.actions[i], -1.0F, 1.0F);
  }
  out.reward = log.reward;
  return out;
}

double processor_time_of(const std::function<void()>& work) {
  const std::clock_t start = std::clock();
  work();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

BenchCase fusion_case(fusion::FusionKind kind, const Transitions& log, const BenchOptions& options) {
  ReplayBuffer buffer(log.count);
  buffer.add(log);
  const fusion::FusionOptions o = fusion::fusion_defaults(kind, fusion_features, fusion_weights);
  const fusion::StateScale scale = fusion::scale_of_states(buffer);
  fusion::FusionLearner engine(o, scale, options.seed);
  NamedArrays saved;
  engine.save(saved);
  StraightforwardFusion plain(o, scale, saved, log, options.seed);
  double apart = 0.0;
  for (int u = 0; u < 30; ++u) {
    const UpdateStats mine = engine.update(buffer), theirs = plain.update(/*same_draws=*/true);
    for (const auto& [name, value] : theirs) {
      apart = std::max(apart, std::abs(mine.at(name) - value) / std::max(0.1, std::abs(value)));
    }
  }
  const bool soft = kind == fusion::FusionKind::cql;
  const int engine_updates = (soft ? 10 : 100) * (options.quick ? 1 : 4), plain_updates = engine_updates / 2;
  std::vector<double> fast, one, all, fast_processor, one_processor;
  const auto run_plain = [&] {
    for (int u = 0; u < plain_updates; ++u) plain.update(/*same_draws=*/false);
  };
  for (int i = 0; i < options.repetitions; ++i) {
    fast_processor.push_back(processor_time_of([&] {
                               fast.push_back(seconds_of([&] {
                                                for (int u = 0; u < engine_updates; ++u)
                                                  engine.update(buffer);
                                              }) /
                                              engine_updates);
                             }) /
                             engine_updates);
    for (const int threads : {1, options.threads}) {
      // Whichever number of threads loses the first time is not timed again.
      if (threads > 1 && i > 0 && all.front() > one.front()) continue;
      const IntraOpThreads scope(threads);
      const double processor = processor_time_of(
          [&] { (threads == 1 ? one : all).push_back(seconds_of(run_plain) / plain_updates); });
      if (threads == 1) one_processor.push_back(processor / plain_updates);
    }
  }
  if (all.empty()) all = one;  // one thread in all
  BenchCase out;
  out.name = std::string(fusion::fusion_kind_names[static_cast<std::size_t>(kind)]) + ", batch 256";
  out.unit = "updates/s";
  out.engine = 1.0 / median(fast);
  out.straightforward = 1.0 / std::min(median(one), median(all));
  out.ratio = out.engine / out.straightforward;
  out.agrees = apart < 1e-3;
  out.figures = {{"largest_relative_loss_difference_of_30_updates", apart},
                 {"straightforward_1_thread_updates_per_s", 1.0 / median(one)},
                 {"straightforward_all_threads_updates_per_s", 1.0 / median(all)},
                 {"engine_updates_per_processor_s", 1.0 / median(fast_processor)},
                 {"straightforward_1_thread_updates_per_processor_s", 1.0 / median(one_processor)},
                 {"ratio_of_processor_time", median(one_processor) / median(fast_processor)}};
  return out;
}

}  // namespace

BenchReport train_fusion(const BenchOptions& options) {
  const ope::LinearProcess process(fusion_features, fusion_weights, 0.95, 0.1, 1);
  const Transitions log = transitions_of(
      process.sample(process.policy(1, 0.5), options.quick ? 1'000 : 10'440, 30, options.seed));
  BenchReport report;
  report.workload = "train-fusion";
  for (const fusion::FusionKind kind : {fusion::FusionKind::td3, fusion::FusionKind::cql}) {
    report.cases.push_back(fusion_case(kind, log, options));
  }
  report.notes = {
      "beside other programs on the machine read ratio_of_processor_time, against one thread: what is left "
      "of "
      "the ratio if the straightforward side scaled perfectly"};
  return report;
}

}  // namespace veer::bench

#include "tools/veer/worlds/trust_worlds.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "agents/baselines/mixed_weights.h"
#include "agents/baselines/noisy_weights.h"
#include "agents/baselines/plain_weights.h"
#include "agents/fusion/learning/fusion_logs.h"
#include "scenarios/ope/folds.h"
#include "scenarios/ope/mrdr.h"
#include "scenarios/ope/sequential.h"
#include "scenarios/ope/tabular_process.h"
#include "tools/veer/worlds/world.h"

namespace veer::tools {

/// Adds one candidate's values to the estimators' rows.
void add_estimates(std::vector<ope::CandidateEstimates>& rows, std::size_t candidate, std::size_t candidates,
                   const std::vector<ope::Estimate>& found) {
  for (const ope::Estimate& each : found) {
    auto row =
        std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return r.estimator == each.name; });
    if (row == rows.end()) {
      rows.push_back({each.name, std::vector<double>(candidates, std::numeric_limits<double>::quiet_NaN())});
      row = rows.end() - 1;
    }
    row->values[candidate] = each.value;
  }
}

namespace {

std::vector<ope::Estimate> all_estimates(const ope::TrajectoryLog& log, Summariser& summariser) {
  std::vector<ope::Estimate> out;
  for (const ope::SequentialEstimator e : ope::sequential_estimators()) {
    out.push_back(ope::estimate(log, e, summariser));
  }
  return out;
}

std::size_t place_of_regime(const std::string& regime, std::size_t random, std::size_t expert,
                            std::size_t mixed) {
  return regime == "random" ? random : regime == "expert" ? expert : mixed;
}

}  // namespace

TrustWorld discrete_world(const TrustCommand& command, const Session& session) {
  const auto process =
      std::make_shared<const ope::TabularProcess>(12, 4, command.judging.gamma, 15, session.common.seed);
  auto policies = std::make_shared<std::vector<ope::TabularPolicy>>();
  TrustWorld out;
  const auto add = [&](std::string name, ope::TabularPolicy policy) {
    out.candidates.push_back(std::move(name));
    out.truth.push_back(process->value(policy));
    policies->push_back(std::move(policy));
  };
  const ope::TabularPolicy even = process->softmax(1.0, 1.0), expert = process->softmax(0.1, 0.2);
  add("random", even);
  add("expert", expert);
  add("mixed", ope::TabularProcess::mixture(even, expert, 0.5));
  for (const double temperature : {-0.1, -0.3, -1.0, 2.0, 1.0, 0.6, 0.4, 0.25, 0.15, 0.05}) {
    add(fmt::format("softmax {}", temperature), process->softmax(temperature));
  }
  out.behaviour = [](const std::string& regime) { return place_of_regime(regime, 0, 1, 2); };
  out.estimates = [=, behaviour = out.behaviour](const std::string& regime, std::int64_t steps,
                                                 std::uint64_t seed) {
    std::vector<ope::CandidateEstimates> rows;
    Summariser summariser({.interval = Interval::normal});
    for (std::size_t c = 0; c < policies->size(); ++c) {
      ope::TabularSample sample =
          process->sample((*policies)[behaviour(regime)], (*policies)[c], steps, seed);
      const auto folds = ope::folds_of(sample.log.trajectories(), sample.log.cluster, 2, seed);
      ope::cross_fit(sample.log, folds, ope::tabular_fit(sample.log, sample.table));
      std::vector<ope::Estimate> found = all_estimates(sample.log, summariser);
      found.push_back(ope::mrdr(sample.log, sample.table, folds, summariser));
      found.push_back(ope::marginalised(sample.log, sample.table, summariser));
      add_estimates(rows, c, policies->size(), found);
    }
    return rows;
  };
  return out;
}

namespace {

/// Mean discounted return of sessions that began early enough to end within the log.
double simulated_value(const Scenario& world, const std::shared_ptr<const Policy>& policy, double gamma,
                       std::int64_t steps, std::uint64_t seed) {
  constexpr std::int32_t rows = 64;
  TransitionLog log;
  log.transitions = fusion::log_of_policy(world, policy, {.steps = steps, .rows = rows, .seed = seed});
  const std::vector<std::vector<std::int32_t>> episodes = episodes_of(log, "simulation");
  const std::vector<double> returns = discounted_returns(log, episodes, gamma);
  double sum = 0.0, count = 0.0;
  for (std::size_t i = 0; i < episodes.size(); ++i) {
    if (episodes[i].front() + rows * world.spec().horizon > log.transitions.count) continue;
    sum += returns[i];
    count += 1.0;
  }
  return sum / std::max(1.0, count);
}

}  // namespace

TrustWorld fusion_world(const TrustCommand& command, const Session& session) {
  WorldOptions options;
  options.scenario = "fusion-v1";
  options.part = "train_plan";
  const auto world = std::make_shared<World>(options, session.common.device);
  const Scenario& scenario = world->scenario();
  auto policies = std::make_shared<std::vector<std::shared_ptr<const Policy>>>();
  std::vector<std::string> words = command.policies;
  if (words.empty()) {
    words = {"weights:complete=1,like=0.5", "weights:complete=1,dislike=-1",
             "weights:complete=1",          "weights:like=1",
             "weights:watch_long=1",        "weights:all=1",
             "weights:click=1,complete=1",  "weights:click=1",
             "weights:dislike=1",           "weights:complete=-1"};
  }
  const auto noise = static_cast<float>(command.noise);
  std::shared_ptr<const Policy> expert;
  policies->push_back(std::make_shared<RandomWeights>("random", scenario.spec().reals));
  for (const Entrant& entrant : world->enter(words)) {
    if (!expert) expert = entrant.policy;
    policies->push_back(std::make_shared<NoisyWeights>(fmt::format("{} +- {}", entrant.name, command.noise),
                                                       entrant.policy, noise));
  }
  policies->push_back(std::make_shared<MixedWeights>("mixed", expert, noise, 0.5));
  TrustWorld out;
  Progress progress(session.console, "truth", "candidates", static_cast<std::int64_t>(policies->size()));
  for (const auto& policy : *policies) {
    out.candidates.push_back(policy->spec().name);
    out.truth.push_back(simulated_value(scenario, policy, command.judging.gamma, command.truth_steps,
                                        session.common.seed + 1'000'003));
    progress.update(static_cast<std::int64_t>(out.truth.size()));
  }
  out.behaviour = [mixed = policies->size() - 1](const std::string& regime) {
    return place_of_regime(regime, 0, 1, mixed);
  };
  out.estimates = [=, &session, judging = command.judging, behaviour = out.behaviour](
                      const std::string& regime, std::int64_t steps, std::uint64_t seed) {
    TransitionLog log;
    log.manifest.has_densities = true;
    log.transitions = fusion::log_of_policy(world->scenario(), (*policies)[behaviour(regime)],
                                            {.steps = steps, .seed = seed});
    std::vector<ope::CandidateEstimates> rows;
    Summariser summariser({.interval = Interval::normal});
    for (std::size_t c = 0; c < policies->size(); ++c) {
      const PolicyOnLog judged = judge_on_log(log, (*policies)[c], judging, session, /*show=*/false);
      std::vector<ope::Estimate> found = all_estimates(judged.log, summariser);
      found.push_back(judged.linear);
      add_estimates(rows, c, policies->size(), found);
    }
    return rows;
  };
  return out;
}

}  // namespace veer::tools

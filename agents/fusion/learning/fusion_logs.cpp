#include "agents/fusion/learning/fusion_logs.h"

#include <algorithm>

#include "agents/baselines/noisy_weights.h"
#include "agents/baselines/plain_weights.h"
#include "agents/replay/online_training.h"
#include "env/engine.h"
#include "env/error.h"
#include "env/runtime.h"
#include "env/store/transition_file.h"

namespace veer::fusion {
namespace {

/// The columns that a log keeps, at its end.
void append(Transitions& log, const Transitions& fresh) {
  BatchShape shape;
  shape.slots = 0;
  shape.features = fresh.features;
  shape.reals = fresh.reals;
  const std::int32_t before = log.count;
  log.resize(before + fresh.count, shape);
  const auto copy = [&](const auto& from, auto& to, std::int32_t width) {
    std::ranges::copy(from, to.begin() + std::ptrdiff_t{before} * width);
  };
  copy(fresh.episode, log.episode, 1);
  copy(fresh.step, log.step, 1);
  copy(fresh.user, log.user, 1);
  copy(fresh.observed, log.observed, fresh.features);
  copy(fresh.next_observed, log.next_observed, fresh.features);
  copy(fresh.action_reals, log.action_reals, fresh.reals);
  copy(fresh.log_prob, log.log_prob, 1);
  copy(fresh.reward, log.reward, 1);
  copy(fresh.end, log.end, 1);
}

EngineOptions engine_of(const LogOptions& options) {
  return {.rows = options.rows, .shard_rows = 32, .seed = options.seed};
}

}  // namespace

Transitions log_of_policy(const Scenario& world, const std::shared_ptr<const Policy>& policy,
                          const LogOptions& options) {
  Engine engine(world, policy->spec(), engine_of(options));
  Rollout rollout(engine.shape(), 1);
  Transitions log;
  while (log.count < options.steps) {
    if (interrupted()) throw Interrupted("interrupted; nothing was kept");
    engine.collect(policy, Mode::sample, rollout);
    append(log, rollout.all());
    if (options.progress) options.progress(log.count);
  }
  close_episodes(log);
  return log;
}

StateScale scale_of_random_weights(const Scenario& world, std::int32_t rows, std::uint64_t seed) {
  const auto random = std::make_shared<RandomWeights>("random", world.spec().reals);
  const Transitions log = log_of_policy(world, random, {.steps = 2000, .rows = rows, .seed = seed});
  return scale_of_states(LoggedTransitions(log));
}

std::shared_ptr<const Policy> ExploringLearner::snapshot() const {
  std::shared_ptr<const Policy> policy = learner_.snapshot();
  const std::string name = policy->spec().name;
  return std::make_shared<NoisyWeights>(name, std::move(policy), noise_);
}

Transitions log_of_learning(const Scenario& world, FusionLearner& learner,
                            const LearningLogOptions& options) {
  ExploringLearner exploring(learner, options.noise);
  Transitions log;
  OnlineOptions online;
  online.engine = engine_of(options);
  online.steps = options.steps;
  online.updates = options.updates;
  online.replay = std::max(options.steps + options.rows, options.learning_starts);
  online.learning_starts = options.learning_starts;
  online.warm_up = std::make_shared<RandomWeights>("random", world.spec().reals);
  online.report_every = options.steps;
  online.checkpoint_seconds = 0.0;
  online.collected = [&](const Transitions& fresh) {
    append(log, fresh);
    if (options.progress) options.progress(log.count);
  };
  (void)train_online(world, exploring, online);
  close_episodes(log);
  return log;
}

}  // namespace veer::fusion

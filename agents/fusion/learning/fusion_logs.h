// Logs of people and policies that set weights: of a policy as it is, or of an agent that learns meanwhile.
// Torch-free header.
//
// Not thread-safe: one log per call, with the workers of the current arena. Determinism: a log is a function
// of world, policy or learner, and options, for any number of threads.
//
// Source of the second kind: "Off-policy deep reinforcement learning without exploration" (BCQ, ICML 2019,
// section 4): final buffer and concurrent.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "agents/fusion/learning/fusion_learner.h"
#include "env/learner.h"
#include "env/policy.h"
#include "env/scenario.h"

namespace veer::fusion {

struct LogOptions {
  std::int64_t steps = 30'000;  ///< transitions; rounded up to whole batches of `rows`
  std::int32_t rows = 64;       ///< people at a time
  std::uint64_t seed = 1;
  std::function<void(std::int64_t steps)> progress{};
};

/// What `policy` did (Mode::sample), in the order of time. Episodes that the end of the log cuts off are
/// truncated. Throws Interrupted on Ctrl-C.
Transitions log_of_policy(const Scenario& world, const std::shared_ptr<const Policy>& policy,
                          const LogOptions& options);

/// Scale of the states that random weights lead to: for learners that act, who have no log before.
StateScale scale_of_random_weights(const Scenario& world, std::int32_t rows, std::uint64_t seed);

struct LearningLogOptions : LogOptions {
  float noise = 0.5F;                   ///< deviation around what the learner would do
  std::int32_t updates = 8;             ///< per batch of `rows` steps
  std::int64_t learning_starts = 1000;  ///< steps of random weights before
};

/// What a learner did while it learned from all it had done, with noise.
Transitions log_of_learning(const Scenario& world, FusionLearner& learner, const LearningLogOptions& options);

/// A learner that acts with noise (NoisyWeights) and learns as the other does; its best guess has no noise.
/// Keeps a reference.
class ExploringLearner final : public Learner {
 public:
  ExploringLearner(FusionLearner& learner, float noise) : learner_(learner), noise_(noise) {}
  UpdateStats update(const TransitionSource& source) override { return learner_.update(source); }
  std::shared_ptr<const Policy> snapshot() const override;
  void save(NamedArrays& out) const override { learner_.save(out); }
  void load(const NamedArrays& in) override { learner_.load(in); }

 private:
  FusionLearner& learner_;
  float noise_;
};

}  // namespace veer::fusion

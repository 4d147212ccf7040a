// TD3 (Fujimoto, van Hoof, Meger 2018) with networks of a few thousand weights: two critics, smoothed
// targets, an actor that climbs the first critic every other update. Actions lie in -1..1. Targets take
// returns over any number of steps. Torch-free; not thread-safe; deterministic.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agents/dense/dense_network.h"
#include "env/learner.h"
#include "env/random.h"

namespace veer::hierarchy {

struct Td3Options {
  std::int32_t state = 1, action = 1;
  std::int32_t hidden = 32;  ///< width of two hidden layers, in actor and critics
  float rate = 1e-3F;
  float target_rate = 0.005F;
  float target_noise = 0.2F, target_clip = 0.5F;
  std::int32_t actor_every = 2;
};

/// Rows of [count, state], [count, action] and so on.
struct Td3Batch {
  std::int32_t count = 0;
  std::vector<float> state{}, action{}, next_state{};
  std::vector<float> gain{};      ///< discounted rewards up to next_state
  std::vector<float> discount{};  ///< of what comes after it; 0 where nothing does
};

/// What a policy needs of an agent: immutable and shared.
class Actor {
 public:
  Actor(DenseNetwork network, std::vector<float> weights)
      : network_(std::move(network)), weights_(std::move(weights)) {}
  /// Action in -1..1 for a state.
  void act(std::span<const float> state, std::span<float> action, DenseNetwork::Pass& pass) const;

 private:
  DenseNetwork network_;
  std::vector<float> weights_;
};

class Td3 {
 public:
  /// `lane` tells the agents of one seed apart.
  Td3(const Td3Options& options, std::uint64_t seed, std::uint32_t lane);

  /// Trained values of actor and critics.
  std::size_t parameters() const noexcept { return actor_.values.size() + critics_.values.size(); }
  const Td3Options& options() const noexcept { return options_; }
  Actor actor() const { return {actor_network_, actor_.values}; }
  /// One update. Returns the mean squared error of both critics.
  double update(const Td3Batch& batch);
  void save(NamedArrays& out, const std::string& name) const;
  void load(const NamedArrays& from, const std::string& name);

 private:
  float critic(std::span<const float> weights, int which, std::span<const float> state,
               std::span<const float> action, DenseNetwork::Pass& pass) const;

  Td3Options options_;
  std::uint64_t seed_;
  std::uint32_t lane_;
  DenseNetwork actor_network_, critic_network_;
  TrainedWeights actor_, critics_;  ///< both critics, one behind the other
  std::vector<float> slow_actor_, slow_critics_;
  std::int64_t updates_ = 0;
};

}  // namespace veer::hierarchy

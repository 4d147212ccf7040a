// The updates of agents whose networks are plain layers (DDPG, TD3, TD3+BC, CQL), without a graph: the same
// formulas as LibTorch's operations would compute, with gradients written out. Needs FlatParameters, hence
// the name; include it from .cpp files only.
//
// Not thread-safe: one thread calls, inside the arena whose workers shall help. Determinism: gradients are
// added in the order of the shards, so weights do not depend on the number of threads.
#pragma once

#include <cstdint>
#include <memory>

#include "agents/fusion/fusion_model.h"
#include "agents/fusion/fusion_options.h"
#include "agents/fusion/learning/fusion_draws.h"
#include "env/learner.h"
#include "env/nn/training/flat_parameters_net.h"

namespace veer::fusion {

/// Whether the agent's updates are among those.
bool has_fused_updates(FusionKind kind) noexcept;

/// The parameter sets of a learner, which owns them.
struct FusionSets {
  nn::FlatParameters& actor;
  nn::FlatParameters& critic;
  nn::FlatParameters& temperature;
  const nn::FlatParameters& slow_actor;
  const nn::FlatParameters& slow_critic;
};

class FusedUpdates {
 public:
  /// REQUIRES: has_fused_updates(options.kind).
  FusedUpdates(const FusionOptions& options, const StateScale& scale);
  ~FusedUpdates();

  /// One step of Adam on the critics. `batch` must stay until learn_actor(). Figures are sums over the batch.
  UpdateStats learn_critic(const Transitions& batch, const FusionDraws& draws, FusionSets sets);
  /// One step of Adam on the actor (and CQL's temperature), on the batch and the critics as they are now.
  UpdateStats learn_actor(const Transitions& batch, const FusionDraws& draws, FusionSets sets);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veer::fusion

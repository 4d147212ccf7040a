// TD3 and CQL(H) as a script on the same library would train them: columns as tensors, modules, one graph per
// batch and loss, LibTorch's Adam. Torch-free header; not thread-safe.
#pragma once

#include <cstdint>
#include <memory>

#include "agents/fusion/fusion_model.h"
#include "env/learner.h"

namespace veer::bench {

class StraightforwardFusion {
 public:
  /// Begins with the weights that a learner has saved; learns from all of `log`. Kinds: TD3 and CQL.
  StraightforwardFusion(const fusion::FusionOptions& options, const fusion::StateScale& scale,
                        const NamedArrays& saved, const Transitions& log, std::uint64_t seed);
  ~StraightforwardFusion();

  /// One update on the batch that FusionLearner draws for it. `same_draws`: its other random numbers too, to
  /// compare results; else those of LibTorch's generator, as a script would. Figures: "critic_loss" and, when
  /// the actor has learned, "actor_loss"; CQL's "gap".
  UpdateStats update(bool same_draws);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veer::bench

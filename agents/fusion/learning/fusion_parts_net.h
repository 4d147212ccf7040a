// The parts of a fusion agent that learn, and what each of them minimises: shard by shard, as LibTorch
// operations that autograd can follow; what needs no graph is in fused_updates_net.h. Needs LibTorch: include
// it from .cpp files only.
//
// Thread-safety: the functions that are const may run in several threads at once. Whoever owns the parts
// draws the batch and steps the optimisers (FusionLearner).
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "agents/fusion/fusion_networks_net.h"
#include "agents/fusion/learning/fusion_draws.h"
#include "agents/fusion/learning/fusion_learner.h"
#include "agents/fusion/learning/uncertainty_net.h"
#include "agents/networks/shard_gradients_net.h"
#include "env/random.h"

namespace veer::fusion {

struct FusionParts {
  FusionOptions options;
  StateScale scale;
  std::uint64_t seed;
  nn::FlatParameters actor, critic, generator, temperature;
  nn::FlatParameters slow_actor, slow_critic;
  Transitions batch;
  std::int64_t updates = 0;

  using Purpose = Draw;
  using enum Draw;

  FusionParts(const FusionOptions& o, StateScale s, std::uint64_t with)
      : options(o),
        scale(std::move(s)),
        seed(with),
        actor(fresh(actor_layout(o), 1)),
        critic(fresh(critic_layout(o), 2)),
        generator(fresh(generator_layout(o), 3)),
        temperature(fresh({{"log_temperature", {1}, nn::Initial::zeros}}, 4)),
        slow_actor(actor_layout(o), actor.values()),
        slow_critic(critic_layout(o), critic.values()) {}

  nn::FlatParameters fresh(const std::vector<nn::ParameterLayout>& layout, std::uint64_t place) const {
    const std::uint64_t own = seed ^ (place * 0x9E3779B97F4A7C15ULL);
    return {layout, nn::initial_parameters(layout, own, "cpu").to_arrays()};
  }

  /// Standard normals [count, width]; row r belongs to transition first + r of this update's batch.
  torch::Tensor normals(Purpose purpose, std::int32_t first, std::int32_t count, std::int64_t width) const {
    torch::Tensor out = torch::empty({count, width});
    for (std::int32_t r = 0; r < count; ++r) {
      fill_normal(key_of(purpose, first + r), Stream::explore,
                  {out.data_ptr<float>() + r * width, at(width)});
    }
    return out;
  }
  StepKey key_of(Purpose purpose, std::int32_t row) const noexcept { return draws().key(purpose, row); }
  FusionDraws draws() const noexcept { return {seed, updates}; }

  torch::Tensor states(bool next, std::int32_t first, std::int32_t count) const;
  torch::Tensor actions(std::int32_t first, std::int32_t count) const;
  torch::Tensor smaller_q(const nn::NetworkParameters& judge, const torch::Tensor& s,
                          const torch::Tensor& a) const;
  torch::Tensor next_value(const torch::Tensor& next, std::int32_t first) const;
  torch::Tensor targets(std::int32_t first, std::int32_t count) const;
  void learn_generator(std::int32_t first, std::int32_t count, ShardGradients& out) const;
  void learn_critic(std::int32_t first, std::int32_t count, ShardGradients& out) const;
  void learn_actor(std::int32_t first, std::int32_t count, ShardGradients& out) const;

  // UWAC (fusion_uncertainty.cpp).
  /// `count` masks of dropout for rows first .. first + rows - 1, each of their own.
  std::vector<DropoutPass> passes_of(Purpose purpose, std::int32_t first, std::int32_t rows,
                                     std::int32_t count) const;
  /// y [n] and how much it counts [n], between 0 and 1.
  struct Weighed {
    torch::Tensor target, weight;
  };
  Weighed unsure_targets(std::int32_t first, std::int32_t count) const;
  void learn_unsure_critic(std::int32_t first, std::int32_t count, ShardGradients& out) const;
  void learn_unsure_actor(std::int32_t first, std::int32_t count, ShardGradients& out) const;
};

}  // namespace veer::fusion

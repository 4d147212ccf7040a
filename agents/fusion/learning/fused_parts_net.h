// What the fused updates are made of: networks ready for products, a worker's memory, and the steps that
// critics and actors share. Include it from .cpp files only.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "agents/fusion/learning/fused_updates_net.h"
#include "agents/fusion/learning/squashed_normal.h"
#include "env/nn/dense/dense_network.h"
#include "env/scratch_pool.h"

namespace veer::fusion {

/// Rows of a batch that one task works on. A function of nothing but the agent, as shards decide bits; small
/// enough that the activations stay in a worker's cache.
inline constexpr std::int32_t fused_shard_rows = 64;
inline constexpr std::int32_t conservative_rows = 8;  ///< CQL judges 31 actions per row

/// What one worker needs; handed from task to task.
struct FusedScratch {
  nn::DensePass actor, first, second;
  std::vector<float> states, next, inputs, drawn, actions, density, gradient, other, outputs, aimed, kept;
  std::vector<float> input_gradient, other_input_gradient;
};

struct FusedUpdates::Impl {
  FusionOptions o;
  std::vector<float> mean, deviation;  // of states
  nn::PackedDense actor, slow_actor, q1, q2, slow_q1, slow_q2;
  ScratchPool<FusedScratch> pool;

  Impl(const FusionOptions& options, const StateScale& scale);

  std::int32_t input_width() const noexcept { return o.features + o.weights; }
  std::int32_t rows_of_shard() const noexcept {
    return o.kind == FusionKind::cql ? 4 * conservative_rows : fused_shard_rows;
  }
  std::size_t shards(const Transitions& batch) const noexcept {
    return at((batch.count + rows_of_shard() - 1) / rows_of_shard());
  }

  const float* states(const std::vector<float>& from, std::int32_t first, std::int32_t count,
                      std::vector<float>& out) const {
    const std::size_t width = mean.size();
    out.resize(at(count) * width);
    const float* state = from.data() + at(first) * width;
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = (state[i] - mean[i % width]) / deviation[i % width];
    }
    return out.data();
  }
  /// One row of a critic's inputs.
  float* join(const float* state, const float* action, float* to) const {
    return std::copy_n(action, o.weights, std::copy_n(state, o.features, to));
  }
  /// Critic inputs [count, F + A].
  const float* join_all(const float* s, const float* a, std::int32_t count, std::vector<float>& out) const {
    out.resize(at(count) * at(input_width()));
    float* to = out.data();
    for (std::int32_t r = 0; r < count; ++r) to = join(s + r * o.features, a + r * o.weights, to);
    return out.data();
  }
  /// Actions: tanh of the actor's outputs, [count, A], which it returns.
  std::span<const float> best_guess(const nn::PackedDense& net, const float* s, std::int32_t count,
                                    FusedScratch& scratch) const {
    const std::span<const float> out = scratch.actor.forward(net, s, count);
    scratch.actions.resize(out.size());
    for (std::size_t i = 0; i < out.size(); ++i) scratch.actions[i] = squashed(out[i]).value;
    return out;
  }
  /// One draw for each row: actions and log densities. Returns the actor's outputs.
  std::span<const float> draw(Draw what, const float* s, std::int32_t first, std::int32_t count,
                              const FusionDraws& draws, FusedScratch& scratch) const {
    const std::size_t a = at(o.weights);
    const std::span<const float> out = scratch.actor.forward(actor, s, count);
    scratch.actions.resize(at(count) * a);
    scratch.density.assign(at(count), 0.0F);
    scratch.drawn.resize(at(count) * a);
    for (std::size_t r = 0; r < at(count); ++r) {
      draws.normals(what, first + static_cast<std::int32_t>(r), {scratch.drawn.data() + r * a, a});
      double density = 0.0;
      for (std::size_t k = 0; k < a; ++k) {
        const float kept = kept_log_deviation(out[r * 2 * a + a + k]);
        const DrawnValue value =
            drawn_value(out[r * 2 * a + k], kept, std::exp(kept), scratch.drawn[r * a + k]);
        scratch.actions[r * a + k] = value.action;
        density += double{value.log_density};
      }
      scratch.density[r] = static_cast<float>(density);
    }
    return out;
  }

  void aim(const Transitions& batch, const FusionDraws& draws, std::int32_t first, std::int32_t count,
           FusedScratch& scratch) const;
  std::int32_t propose(const FusionDraws& draws, std::int32_t first, std::int32_t count,
                       FusedScratch& scratch) const;
  UpdateStats critic_tile(const Transitions& batch, const FusionDraws& draws, std::int32_t first,
                          std::int32_t count, bool add, std::span<float> gradient,
                          FusedScratch& scratch) const;
  UpdateStats actor_shard(const Transitions& batch, const FusionDraws& draws, double critic_scale,
                          double heat, std::int32_t first, std::int32_t count, std::span<float> gradient,
                          FusedScratch& scratch) const;
  double mean_absolute_q(const Transitions& batch);
};

}  // namespace veer::fusion

// Actors of the fused updates: down the gradient of the critics, or towards the log.
#include <algorithm>
#include <cmath>

#include "agents/fusion/learning/fused_parts_net.h"
#include "env/runtime.h"

namespace veer::fusion {

/// TD3+BC's denominator: mean |Q(s, actor(s))| over the batch.
double FusedUpdates::Impl::mean_absolute_q(const Transitions& batch) {
  std::vector<double> sums(shards(batch));
  parallel_for(static_cast<std::int64_t>(sums.size()), [&](std::int64_t shard) {
    const auto first = static_cast<std::int32_t>(shard) * fused_shard_rows;
    const std::int32_t count = std::min(fused_shard_rows, batch.count - first);
    sums[at(shard)] = pool.with([&](FusedScratch& own) {
      const float* s = states(batch.observed, first, count, own.states);
      best_guess(actor, s, count, own);
      const float* inputs = join_all(s, own.actions.data(), count, own.inputs);
      double sum = 0.0;
      for (const float q : own.first.forward(q1, inputs, count)) sum += std::abs(double{q});
      return sum;
    });
  });
  double sum = 0.0;
  for (const double part : sums) sum += part;
  return sum / batch.count;
}

UpdateStats FusedUpdates::Impl::actor_shard(const Transitions& batch, const FusionDraws& draws,
                                            double critic_scale, double heat, std::int32_t first,
                                            std::int32_t count, std::span<float> gradient,
                                            FusedScratch& scratch) const {
  const std::size_t a = at(o.weights), n = at(count);
  const float* s = states(batch.observed, first, count, scratch.states);
  const float* taken = batch.action_reals.data() + at(first) * a;
  const float share = 1.0F / static_cast<float>(batch.count);
  const bool soft = o.kind == FusionKind::cql, imitates = soft && draws.update < o.imitate_first;
  const std::span<const float> out =
      soft ? draw(Draw::own_action, s, first, count, draws, scratch) : best_guess(actor, s, count, scratch);
  double loss = 0.0;
  scratch.input_gradient.assign(n * at(input_width()), 0.0F);
  if (!imitates) {
    // Down the gradient of -Q, or of minus the smaller of the two.
    const float* inputs = join_all(s, scratch.actions.data(), count, scratch.inputs);
    const std::span<const float> one = scratch.first.forward(q1, inputs, count);
    const auto slope = static_cast<float>(-critic_scale) * share;
    scratch.gradient.assign(n, slope);
    if (soft) {
      const std::span<const float> two = scratch.second.forward(q2, inputs, count);
      scratch.aimed.assign(n, 0.0F);
      for (std::size_t r = 0; r < n; ++r) {
        loss -= double{std::min(one[r], two[r])};
        if (two[r] < one[r]) std::swap(scratch.gradient[r], scratch.aimed[r]);
      }
      scratch.other_input_gradient.resize(n * at(input_width()));
      scratch.second.backward(q2, scratch.aimed.data(), nullptr, false, scratch.other_input_gradient.data());
    } else {
      for (const float q : one) loss -= critic_scale * double{q};
    }
    scratch.first.backward(q1, scratch.gradient.data(), nullptr, false, scratch.input_gradient.data());
    if (soft) {
      for (std::size_t i = 0; i < scratch.input_gradient.size(); ++i) {
        scratch.input_gradient[i] += scratch.other_input_gradient[i];
      }
    }
  }
  // From actions to the actor's outputs.
  const std::size_t width = soft ? 2 * a : a;
  scratch.outputs.resize(n * width);
  double density = 0.0;
  for (std::size_t r = 0; r < n; ++r) {
    density += double{soft ? scratch.density[r] : 0.0F};
    const float* pull = scratch.input_gradient.data() + r * at(input_width()) + at(o.features);
    for (std::size_t k = 0; k < a; ++k) {
      const float action = scratch.actions[r * a + k], logged = taken[r * a + k];
      float on_action = pull[k];
      if (!soft) {
        if (o.kind == FusionKind::td3_bc) {
          const float apart = action - logged;
          loss += double{apart} * double{apart} / static_cast<double>(a);
          on_action += 2.0F * apart * share / static_cast<float>(a);
        }
        scratch.outputs[r * a + k] = on_action * (1.0F - action * action);
        continue;
      }
      const float raw = out[r * width + a + k];
      const float kept = kept_log_deviation(raw);
      const float noise = scratch.drawn[r * a + k], spread = std::exp(kept);
      // d log density / dx = 2 tanh(x) along a draw x = mean + spread noise.
      const auto hot = static_cast<float>(heat) * share;
      const float on_x = hot * 2.0F * action + on_action * (1.0F - action * action);
      float on_mean = on_x, on_log = on_x * spread * noise - hot;
      if (imitates) {
        constexpr float inside = 1.0F - 1e-6F;
        const float x = std::atanh(std::clamp(logged, -inside, inside));
        const float scaled = (x - out[r * width + k]) / spread;
        on_mean -= share * scaled / spread;
        on_log -= share * (scaled * scaled - 1.0F);
        loss += 0.5 * double{scaled} * double{scaled} + double{kept} +
                double{log_root_two_pi + squashed(x).log_slope};
      }
      scratch.outputs[r * width + k] = on_mean;
      scratch.outputs[r * width + a + k] = raw == kept ? on_log : 0.0F;
    }
  }
  scratch.actor.backward(actor, scratch.outputs.data(), gradient.data(), false, nullptr);
  UpdateStats figures{{"actor_loss", loss + heat * density}};
  if (soft) figures["entropy"] = -density;
  return figures;
}

}  // namespace veer::fusion

#include "agents/fusion/learning/fusion_parts_net.h"

#include <algorithm>
#include <cmath>

#include "env/error.h"

namespace veer::fusion {

torch::Tensor FusionParts::states(bool next, std::int32_t first, std::int32_t count) const {
  const std::vector<float>& from = next ? batch.next_observed : batch.observed;
  return standardised({from.data() + at(first) * at(options.features), count, options.features}, scale);
}

torch::Tensor FusionParts::actions(std::int32_t first, std::int32_t count) const {
  const float* from = batch.action_reals.data() + at(first) * at(options.weights);
  return torch::from_blob(const_cast<float*>(from), {count, options.weights});
}

torch::Tensor FusionParts::smaller_q(const nn::NetworkParameters& judge, const torch::Tensor& s,
                                     const torch::Tensor& a) const {
  const torch::Tensor one = q_value(judge, "q1", s, a);
  return options.has_twin() ? torch::minimum(one, q_value(judge, "q2", s, a)) : one;
}

/// IQL's and BCQ's value of the next state, [n].
torch::Tensor FusionParts::next_value(const torch::Tensor& next, std::int32_t first) const {
  const nn::NetworkParameters slow_judge = slow_critic.aliases();
  const auto count = static_cast<std::int32_t>(next.size(0));
  if (options.kind == FusionKind::iql) return state_value(critic.aliases(), next);
  const std::int64_t samples = options.samples;
  const torch::Tensor repeated = next.repeat_interleave(samples, 0);
  const torch::Tensor latents = normals(Draw::next_latent, first, count, samples * 2 * options.weights)
                                    .view({count * samples, 2 * options.weights})
                                    .clamp(-0.5, 0.5);
  const torch::Tensor action =
      perturb(options, slow_actor.aliases(), repeated, decode(generator.aliases(), repeated, latents));
  const torch::Tensor one = q_value(slow_judge, "q1", repeated, action),
                      two = q_value(slow_judge, "q2", repeated, action);
  const torch::Tensor mixed =
      options.pessimism * torch::minimum(one, two) + (1.0 - options.pessimism) * torch::maximum(one, two);
  return std::get<0>(mixed.view({count, samples}).max(1));
}

/// y = r + discount (1 - terminated) V(s'), [n].
torch::Tensor FusionParts::targets(std::int32_t first, std::int32_t count) const {
  const torch::NoGradGuard no_gradient;
  const torch::Tensor value = next_value(states(true, first, count), first).contiguous();
  torch::Tensor y = torch::empty({count});
  for (std::int32_t r = 0; r < count; ++r) {
    const float goes_on = is_terminated(batch.end[at(first + r)]) ? 0.0F : options.discount;
    y.data_ptr<float>()[r] = batch.reward[at(first + r)] + goes_on * value.data_ptr<float>()[r];
  }
  return y;
}

void FusionParts::learn_generator(std::int32_t first, std::int32_t count, ShardGradients& out) const {
  const nn::NetworkParameters net = generator.aliases();
  const torch::Tensor loss =
      generator_loss(net, states(false, first, count), actions(first, count),
                     normals(Draw::latent, first, count, 2 * std::int64_t{options.weights}));
  out.figures["generator_loss"] += loss.item<double>();
  out.set("generator", gradients_of(loss / batch.count, net));
}

void FusionParts::learn_critic(std::int32_t first, std::int32_t count, ShardGradients& out) const {
  const nn::NetworkParameters judge = critic.aliases();
  const torch::Tensor s = states(false, first, count), taken = actions(first, count);
  const torch::Tensor y = targets(first, count);
  const torch::Tensor q1 = q_value(judge, "q1", s, taken);
  torch::Tensor loss = (q1 - y).square().sum();
  if (options.has_twin()) loss = loss + (q_value(judge, "q2", s, taken) - y).square().sum();
  if (options.kind == FusionKind::iql) {
    torch::Tensor slow;
    {
      const torch::NoGradGuard no_gradient;
      slow = smaller_q(slow_critic.aliases(), s, taken);
    }
    const torch::Tensor above = slow - state_value(judge, s);
    const torch::Tensor share = torch::where(above < 0, torch::full_like(above, 1.0 - options.expectile),
                                             torch::full_like(above, options.expectile));
    loss = loss + (share.detach() * above.square()).sum();
  }
  out.figures["critic_loss"] += loss.item<double>();
  out.figures["q"] += q1.sum().item<double>();
  out.set("critic", gradients_of(loss / batch.count, judge));
}

void FusionParts::learn_actor(std::int32_t first, std::int32_t count, ShardGradients& out) const {
  const nn::NetworkParameters net = actor.aliases(), judge = critic.aliases();
  const torch::Tensor s = states(false, first, count), taken = actions(first, count);
  torch::Tensor loss;
  switch (options.kind) {
    case FusionKind::bc:
      loss = (best_guess(options, net, s) - taken).square().mean(1).sum();
      break;
    case FusionKind::bcq: {
      torch::Tensor like;
      {
        const torch::NoGradGuard no_gradient;
        const torch::Tensor latents =
            normals(Draw::own_latent, first, count, 2 * std::int64_t{options.weights}).clamp(-0.5, 0.5);
        like = decode(generator.aliases(), s, latents);
      }
      loss = -q_value(judge, "q1", s, perturb(options, net, s, like)).sum();
      break;
    }
    case FusionKind::iql: {
      torch::Tensor weight;
      {
        const torch::NoGradGuard no_gradient;
        const torch::Tensor advantage = smaller_q(slow_critic.aliases(), s, taken) - state_value(judge, s);
        weight = torch::exp(options.inverse_temperature * advantage).clamp_max(100.0);
      }
      loss = -(weight * log_density(options, net, s, taken)).sum();
      break;
    }
    default:  // has_fused_updates()
      return;
  }
  out.figures["actor_loss"] += loss.item<double>();
  out.set("actor", gradients_of(loss / batch.count, net));
}

}  // namespace veer::fusion

#include "agents/fusion/learning/fusion_parts_net.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "env/error.h"

namespace veer::fusion {

torch::Tensor FusionParts::states(bool next, std::int32_t first, std::int32_t count) const {
  const std::vector<float>& from = next ? batch.next_observed : batch.observed;
  const std::size_t width = at(options.features);
  torch::Tensor out = torch::empty({count, options.features});
  float* to = out.data_ptr<float>();
  for (std::size_t i = at(first) * width; i < at(first + count) * width; ++i) {
    *to++ = (from[i] - scale.mean[i % width]) / scale.deviation[i % width];
  }
  return out;
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

/// Value of the next state by the slow copies, [n].
torch::Tensor FusionParts::next_value(const torch::Tensor& next, std::int32_t first) const {
  const nn::NetworkParameters slow_judge = slow_critic.aliases();
  const auto count = static_cast<std::int32_t>(next.size(0));
  switch (options.kind) {
    case FusionKind::bc:
      break;
    case FusionKind::ddpg:
      return q_value(slow_judge, "q1", next, best_guess(options, slow_actor.aliases(), next));
    case FusionKind::td3:
    case FusionKind::td3_bc: {
      const torch::Tensor noise = (normals(next_action, first, count, options.weights) * options.target_noise)
                                      .clamp(-options.target_clip, options.target_clip);
      const torch::Tensor action = (best_guess(options, slow_actor.aliases(), next) + noise).clamp(-1.0, 1.0);
      return smaller_q(slow_judge, next, action);
    }
    case FusionKind::bcq: {
      const std::int64_t samples = options.samples;
      const torch::Tensor repeated = next.repeat_interleave(samples, 0);
      const torch::Tensor latents = normals(next_latent, first, count, samples * 2 * options.weights)
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
    case FusionKind::cql: {
      const torch::Tensor noise = normals(next_action, first, count, options.weights);
      return smaller_q(slow_judge, next, draw_actions(options, actor.aliases(), next, noise).actions);
    }
    case FusionKind::iql:
      return state_value(critic.aliases(), next);
    case FusionKind::uwac:  // unsure_targets()
      break;
  }
  return torch::zeros({count});
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

/// CQL(H): logsumexp of Q less log density over uniform actions, the policy's here and the policy's at the
/// next state (all judged here), less Q of the logged action. Summed over rows.
torch::Tensor FusionParts::conservative_gap(const nn::NetworkParameters& judge, const char* name,
                                            const torch::Tensor& s, const torch::Tensor& next,
                                            const torch::Tensor& taken, std::int32_t first) const {
  const auto count = static_cast<std::int32_t>(s.size(0));
  const std::int64_t samples = options.samples, weights = options.weights;
  std::vector<torch::Tensor> proposals, densities;
  {
    const torch::NoGradGuard no_gradient;
    torch::Tensor anywhere = torch::empty({count, samples * weights});
    for (std::int32_t r = 0; r < count; ++r) {
      fill_uniform(key_of(proposal, first + r), Stream::negative,
                   {anywhere.data_ptr<float>() + r * samples * weights, at(samples * weights)});
    }
    proposals.push_back((2.0 * anywhere - 1.0).view({count * samples, weights}));
    densities.push_back(torch::full({count * samples}, -static_cast<double>(weights) * std::numbers::ln2));
    const nn::NetworkParameters net = actor.aliases();
    for (const auto& [from, purpose] : {std::pair{s, own_latent}, {next, next_latent}}) {
      const torch::Tensor noise =
          normals(purpose, first, count, samples * weights).view({count * samples, weights});
      const DrawnActions drawn = draw_actions(options, net, from.repeat_interleave(samples, 0), noise);
      proposals.push_back(drawn.actions);
      densities.push_back(drawn.log_prob);
    }
  }
  const torch::Tensor here = s.repeat_interleave(samples, 0);
  std::vector<torch::Tensor> weighed;
  for (std::size_t p = 0; p < proposals.size(); ++p) {
    weighed.push_back((q_value(judge, name, here, proposals[p]) - densities[p]).view({count, samples}));
  }
  return (torch::logsumexp(torch::cat(weighed, 1), 1) - q_value(judge, name, s, taken)).sum();
}

void FusionParts::learn_generator(std::int32_t first, std::int32_t count, ShardGradients& out) const {
  const nn::NetworkParameters net = generator.aliases();
  const torch::Tensor loss = generator_loss(net, states(false, first, count), actions(first, count),
                                            normals(latent, first, count, 2 * std::int64_t{options.weights}));
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
  if (options.kind == FusionKind::cql && options.conservatism > 0.0F) {
    const torch::Tensor next = states(true, first, count);
    const torch::Tensor gap = conservative_gap(judge, "q1", s, next, taken, first) +
                              conservative_gap(judge, "q2", s, next, taken, first);
    out.figures["gap"] += 0.5 * gap.item<double>();
    loss = loss + options.conservatism * gap;
  }
  out.figures["critic_loss"] += loss.item<double>();
  out.figures["q"] += q1.sum().item<double>();
  out.set("critic", gradients_of(loss / batch.count, judge));
}

/// TD3+BC's denominator: mean |Q(s, actor(s))| over the batch.
double FusionParts::mean_absolute_q() const {
  const torch::NoGradGuard no_gradient;
  const torch::Tensor s = states(false, 0, batch.count);
  return q_value(critic.aliases(), "q1", s, best_guess(options, actor.aliases(), s))
      .abs()
      .mean()
      .item<double>();
}

void FusionParts::learn_actor(double critic_scale, std::int32_t first, std::int32_t count,
                              ShardGradients& out) const {
  const nn::NetworkParameters net = actor.aliases(), judge = critic.aliases();
  const torch::Tensor s = states(false, first, count), taken = actions(first, count);
  torch::Tensor loss;
  switch (options.kind) {
    case FusionKind::bc:
      loss = (best_guess(options, net, s) - taken).square().mean(1).sum();
      break;
    case FusionKind::ddpg:
    case FusionKind::td3:
      loss = -q_value(judge, "q1", s, best_guess(options, net, s)).sum();
      break;
    case FusionKind::td3_bc: {
      const torch::Tensor action = best_guess(options, net, s);
      loss = -critic_scale * q_value(judge, "q1", s, action).sum() + (action - taken).square().mean(1).sum();
      break;
    }
    case FusionKind::bcq: {
      torch::Tensor like;
      {
        const torch::NoGradGuard no_gradient;
        const torch::Tensor latents =
            normals(own_latent, first, count, 2 * std::int64_t{options.weights}).clamp(-0.5, 0.5);
        like = decode(generator.aliases(), s, latents);
      }
      loss = -q_value(judge, "q1", s, perturb(options, net, s, like)).sum();
      break;
    }
    case FusionKind::cql: {
      const nn::NetworkParameters heat = temperature.aliases();
      const torch::Tensor& log_heat = heat.at("log_temperature");
      const DrawnActions drawn =
          draw_actions(options, net, s, normals(own_action, first, count, options.weights));
      const torch::Tensor alpha = log_heat.detach().exp();
      const torch::Tensor worth = updates < options.imitate_first ? log_density(options, net, s, taken)
                                                                  : smaller_q(judge, s, drawn.actions);
      loss = (alpha * drawn.log_prob - worth).sum();
      // The entropy that is aimed at: minus one nat per weight.
      const torch::Tensor missing = drawn.log_prob.detach() - static_cast<double>(options.weights);
      out.set("temperature", gradients_of(-(log_heat * missing).sum() / batch.count, heat));
      out.figures["entropy"] -= drawn.log_prob.sum().item<double>();
      break;
    }
    case FusionKind::uwac:  // learn_unsure_actor()
      return;
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
  }
  out.figures["actor_loss"] += loss.item<double>();
  out.set("actor", gradients_of(loss / batch.count, net));
}

}  // namespace veer::fusion

#include "agents/fusion/fusion_learner.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "agents/fusion/fusion_networks_net.h"
#include "agents/networks/shard_gradients_net.h"
#include "agents/replay/replay_buffer.h"
#include "env/error.h"
#include "env/random.h"

namespace veer::fusion {

StateScale scale_of_states(const TransitionSource& source) {
  constexpr std::int64_t at_once = 4096;
  std::vector<double> sum, squares;
  Transitions some;
  for (std::int64_t first = 0; first < source.size(); first += at_once) {
    std::vector<std::int64_t> indices;
    for (std::int64_t i = first; i < std::min(source.size(), first + at_once); ++i) indices.push_back(i);
    source.gather(indices, some);
    sum.resize(at(some.features));
    squares.resize(at(some.features));
    for (std::size_t i = 0; i < some.observed.size(); ++i) {
      const double value = some.observed[i];
      sum[i % sum.size()] += value;
      squares[i % sum.size()] += value * value;
    }
  }
  StateScale out;
  const auto count = static_cast<double>(source.size());
  for (std::size_t k = 0; k < sum.size(); ++k) {
    const double mean = sum[k] / count;
    out.mean.push_back(static_cast<float>(mean));
    out.deviation.push_back(
        static_cast<float>(std::sqrt(std::max(0.0, squares[k] / count - mean * mean)) + 1e-3));
  }
  return out;
}

struct FusionLearner::Impl {
  FusionOptions options;
  StateScale scale;
  std::uint64_t seed;
  nn::FlatParameters actor, critic, generator, temperature;
  nn::FlatParameters slow_actor, slow_critic;
  Transitions batch;
  std::int64_t updates = 0;

  /// What a number is drawn for: part of its key.
  enum Purpose : std::uint64_t { next_action = 1, own_action, latent, next_latent, own_latent, proposal };

  Impl(const FusionOptions& o, StateScale s, std::uint64_t with)
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
  StepKey key_of(Purpose purpose, std::int32_t row) const noexcept {
    return {seed ^ (std::uint64_t{purpose} * 0xD1B54A32D192ED03ULL), static_cast<EpisodeId>(row),
            static_cast<std::uint32_t>(updates)};
  }

  torch::Tensor states(bool next, std::int32_t first, std::int32_t count) const;
  torch::Tensor actions(std::int32_t first, std::int32_t count) const;
  torch::Tensor smaller_q(const nn::NetworkParameters& judge, const torch::Tensor& s,
                          const torch::Tensor& a) const;
  torch::Tensor next_value(const torch::Tensor& next, std::int32_t first) const;
  torch::Tensor targets(std::int32_t first, std::int32_t count) const;
  torch::Tensor conservative_gap(const nn::NetworkParameters& judge, const char* name, const torch::Tensor& s,
                                 const torch::Tensor& next, const torch::Tensor& taken,
                                 std::int32_t first) const;
  void learn_generator(std::int32_t first, std::int32_t count, ShardGradients& out) const;
  void learn_critic(std::int32_t first, std::int32_t count, ShardGradients& out) const;
  void learn_actor(double critic_scale, std::int32_t first, std::int32_t count, ShardGradients& out) const;
  double mean_absolute_q() const;
};

torch::Tensor FusionLearner::Impl::states(bool next, std::int32_t first, std::int32_t count) const {
  const std::vector<float>& from = next ? batch.next_observed : batch.observed;
  const std::size_t width = at(options.features);
  torch::Tensor out = torch::empty({count, options.features});
  float* to = out.data_ptr<float>();
  for (std::size_t i = at(first) * width; i < at(first + count) * width; ++i) {
    *to++ = (from[i] - scale.mean[i % width]) / scale.deviation[i % width];
  }
  return out;
}

torch::Tensor FusionLearner::Impl::actions(std::int32_t first, std::int32_t count) const {
  const float* from = batch.action_reals.data() + at(first) * at(options.weights);
  return torch::from_blob(const_cast<float*>(from), {count, options.weights});
}

torch::Tensor FusionLearner::Impl::smaller_q(const nn::NetworkParameters& judge, const torch::Tensor& s,
                                             const torch::Tensor& a) const {
  const torch::Tensor one = q_value(judge, "q1", s, a);
  return options.has_twin() ? torch::minimum(one, q_value(judge, "q2", s, a)) : one;
}

/// Value of the next state by the slow copies, [n].
torch::Tensor FusionLearner::Impl::next_value(const torch::Tensor& next, std::int32_t first) const {
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
  }
  return torch::zeros({count});
}

/// y = r + discount (1 - terminated) V(s'), [n].
torch::Tensor FusionLearner::Impl::targets(std::int32_t first, std::int32_t count) const {
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
torch::Tensor FusionLearner::Impl::conservative_gap(const nn::NetworkParameters& judge, const char* name,
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

void FusionLearner::Impl::learn_generator(std::int32_t first, std::int32_t count, ShardGradients& out) const {
  const nn::NetworkParameters net = generator.aliases();
  const torch::Tensor loss = generator_loss(net, states(false, first, count), actions(first, count),
                                            normals(latent, first, count, 2 * std::int64_t{options.weights}));
  out.figures["generator_loss"] += loss.item<double>();
  out.set("generator", gradients_of(loss / batch.count, net));
}

void FusionLearner::Impl::learn_critic(std::int32_t first, std::int32_t count, ShardGradients& out) const {
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
double FusionLearner::Impl::mean_absolute_q() const {
  const torch::NoGradGuard no_gradient;
  const torch::Tensor s = states(false, 0, batch.count);
  return q_value(critic.aliases(), "q1", s, best_guess(options, actor.aliases(), s))
      .abs()
      .mean()
      .item<double>();
}

void FusionLearner::Impl::learn_actor(double critic_scale, std::int32_t first, std::int32_t count,
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

FusionLearner::FusionLearner(const FusionOptions& options, StateScale scale, std::uint64_t seed) {
  check_options(options);
  impl_ = std::make_unique<Impl>(options, std::move(scale), seed);
  (void)model();
}
FusionLearner::~FusionLearner() = default;

UpdateStats FusionLearner::update(const TransitionSource& source) {
  Impl& m = *impl_;
  const FusionOptions& o = m.options;
  draw_batch(source, m.seed, m.updates, o.batch, m.batch);
  if (m.batch.features != o.features || m.batch.reals != o.weights) {
    throw ConfigError(
        {{}, 0, "transitions"},
        {std::to_string(m.batch.features) + " features and " + std::to_string(m.batch.reals) + " weights",
         std::to_string(o.features) + " and " + std::to_string(o.weights), ""});
  }
  UpdateStats stats;
  // In the authors' order: each part learns from what the one before has just become.
  const auto take = [&](auto learn, const std::vector<TrainedSet>& sets) {
    stats.merge(in_shards(o.batch, learn, sets));
  };
  if (o.kind == FusionKind::bcq) {
    take([&](auto first, auto count, auto& out) { m.learn_generator(first, count, out); },
         {{"generator", &m.generator, {1e-3F}}});
  }
  if (o.has_critic()) {
    take([&](auto first, auto count, auto& out) { m.learn_critic(first, count, out); },
         {{"critic", &m.critic, {o.critic_rate}}});
  }
  const bool delayed = o.kind == FusionKind::td3 || o.kind == FusionKind::td3_bc;
  const bool acts = !delayed || (m.updates + 1) % o.actor_every == 0;
  if (acts) {
    const double scale =
        o.kind == FusionKind::td3_bc ? double{o.imitation} / std::max(1e-6, m.mean_absolute_q()) : 1.0;
    take([&](auto first, auto count, auto& out) { m.learn_actor(scale, first, count, out); },
         {{"actor", &m.actor, {o.actor_rate}}, {"temperature", &m.temperature, {o.actor_rate}}});
    m.slow_actor.approach(m.actor, o.target_rate);
    if (o.has_critic()) m.slow_critic.approach(m.critic, o.target_rate);
  }
  for (auto& entry : stats) entry.second /= o.batch;
  ++m.updates;
  require_finite(stats, m.updates);
  return stats;
}

FusionModel FusionLearner::model() const {
  const Impl& m = *impl_;
  return {m.options, m.scale, m.actor.values(), m.critic.values(), m.generator.values()};
}
std::shared_ptr<const Policy> FusionLearner::snapshot() const {
  return make_fusion_policy(model(),
                            std::string(fusion_kind_names[static_cast<std::size_t>(impl_->options.kind)]));
}
std::int64_t FusionLearner::updates() const noexcept { return impl_->updates; }

void FusionLearner::save(NamedArrays& out) const {
  const Impl& m = *impl_;
  out.put_group("actor", m.actor.state());
  out.put_group("critic", m.critic.state());
  out.put_group("generator", m.generator.state());
  out.put_group("temperature", m.temperature.state());
  out.put_group("slow_actor", m.slow_actor.values());
  out.put_group("slow_critic", m.slow_critic.values());
  out.set_scalar<std::int64_t>("updates", m.updates);
}

void FusionLearner::load(const NamedArrays& in) {
  Impl& m = *impl_;
  m.actor.restore(in.group("actor"));
  m.critic.restore(in.group("critic"));
  m.generator.restore(in.group("generator"));
  m.temperature.restore(in.group("temperature"));
  m.slow_actor = nn::FlatParameters(actor_layout(m.options), in.group("slow_actor"));
  m.slow_critic = nn::FlatParameters(critic_layout(m.options), in.group("slow_critic"));
  m.updates = in.scalar<std::int64_t>("updates");
}

}  // namespace veer::fusion

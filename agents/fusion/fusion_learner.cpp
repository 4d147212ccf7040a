#include "agents/fusion/fusion_learner.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "agents/fusion/fused_updates_net.h"
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
  std::unique_ptr<FusedUpdates> fused;  ///< null: updates follow a graph
  Transitions batch;
  std::int64_t updates = 0;

  Impl(const FusionOptions& o, StateScale s, std::uint64_t with)
      : options(o),
        scale(std::move(s)),
        seed(with),
        actor(fresh(actor_layout(o), 1)),
        critic(fresh(critic_layout(o), 2)),
        generator(fresh(generator_layout(o), 3)),
        temperature(fresh({{"log_temperature", {1}, nn::Initial::zeros}}, 4)),
        slow_actor(actor_layout(o), actor.values()),
        slow_critic(critic_layout(o), critic.values()) {
    if (has_fused_updates(o.kind)) fused = std::make_unique<FusedUpdates>(o, scale);
  }

  nn::FlatParameters fresh(const std::vector<nn::ParameterLayout>& layout, std::uint64_t place) const {
    const std::uint64_t own = seed ^ (place * 0x9E3779B97F4A7C15ULL);
    return {layout, nn::initial_parameters(layout, own, "cpu").to_arrays()};
  }

  FusionDraws draws() const noexcept { return {seed, updates}; }
  /// Standard normals [count, width]; row r belongs to transition first + r of this update's batch.
  torch::Tensor normals(Draw what, std::int32_t first, std::int32_t count, std::int64_t width) const {
    torch::Tensor out = torch::empty({count, width});
    for (std::int32_t r = 0; r < count; ++r) {
      draws().normals(what, first + r, {out.data_ptr<float>() + r * width, at(width)});
    }
    return out;
  }

  torch::Tensor states(bool next, std::int32_t first, std::int32_t count) const;
  torch::Tensor actions(std::int32_t first, std::int32_t count) const;
  torch::Tensor smaller_q(const nn::NetworkParameters& judge, const torch::Tensor& s,
                          const torch::Tensor& a) const;
  torch::Tensor next_value(const torch::Tensor& next, std::int32_t first) const;
  torch::Tensor targets(std::int32_t first, std::int32_t count) const;
  void learn_generator(std::int32_t first, std::int32_t count, ShardGradients& out) const;
  void learn_critic(std::int32_t first, std::int32_t count, ShardGradients& out) const;
  void learn_actor(std::int32_t first, std::int32_t count, ShardGradients& out) const;
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

/// IQL's and BCQ's value of the next state, [n].
torch::Tensor FusionLearner::Impl::next_value(const torch::Tensor& next, std::int32_t first) const {
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

void FusionLearner::Impl::learn_generator(std::int32_t first, std::int32_t count, ShardGradients& out) const {
  const nn::NetworkParameters net = generator.aliases();
  const torch::Tensor loss =
      generator_loss(net, states(false, first, count), actions(first, count),
                     normals(Draw::latent, first, count, 2 * std::int64_t{options.weights}));
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
  out.figures["critic_loss"] += loss.item<double>();
  out.figures["q"] += q1.sum().item<double>();
  out.set("critic", gradients_of(loss / batch.count, judge));
}

void FusionLearner::Impl::learn_actor(std::int32_t first, std::int32_t count, ShardGradients& out) const {
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
  const FusionSets sets{m.actor, m.critic, m.temperature, m.slow_actor, m.slow_critic};
  if (o.kind == FusionKind::bcq) {
    take([&](auto first, auto count, auto& out) { m.learn_generator(first, count, out); },
         {{"generator", &m.generator, {1e-3F}}});
  }
  if (m.fused) {
    stats.merge(m.fused->learn_critic(m.batch, m.draws(), sets));
  } else if (o.has_critic()) {
    take([&](auto first, auto count, auto& out) { m.learn_critic(first, count, out); },
         {{"critic", &m.critic, {o.critic_rate}}});
  }
  const bool delayed = o.kind == FusionKind::td3 || o.kind == FusionKind::td3_bc;
  const bool acts = !delayed || (m.updates + 1) % o.actor_every == 0;
  if (acts) {
    if (m.fused) {
      stats.merge(m.fused->learn_actor(m.batch, m.draws(), sets));
    } else {
      take([&](auto first, auto count, auto& out) { m.learn_actor(first, count, out); },
           {{"actor", &m.actor, {o.actor_rate}}});
    }
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

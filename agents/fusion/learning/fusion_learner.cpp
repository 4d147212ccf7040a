#include "agents/fusion/learning/fusion_learner.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "agents/fusion/learning/fusion_parts_net.h"
#include "agents/replay/replay_buffer.h"
#include "env/error.h"

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

struct FusionLearner::Impl : FusionParts {
  using FusionParts::FusionParts;
};

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
  if (o.has_generator()) {
    take([&](auto first, auto count, auto& out) { m.learn_generator(first, count, out); },
         {{"generator", &m.generator, {o.vae_rate}}});
  }
  const FusionSets sets{m.actor, m.critic, m.temperature, m.slow_actor, m.slow_critic};
  const bool unsure = o.kind == FusionKind::uwac;
  if (m.fused) {
    stats.merge(m.fused->learn_critic(m.batch, m.draws(), sets));
  } else if (unsure) {
    take([&](auto first, auto count, auto& out) { m.learn_unsure_critic(first, count, out); },
         {{"critic", &m.critic, {o.critic_rate}}});
  } else if (o.has_critic()) {
    take([&](auto first, auto count, auto& out) { m.learn_critic(first, count, out); },
         {{"critic", &m.critic, {o.critic_rate}}});
  }
  const bool delayed = o.kind == FusionKind::td3 || o.kind == FusionKind::td3_bc;
  const bool acts = !delayed || (m.updates + 1) % o.actor_every == 0;
  if (unsure) {
    constexpr float price_rate = 1e-3F;  // the authors'
    take([&](auto first, auto count, auto& out) { m.learn_unsure_actor(first, count, out); },
         {{"actor", &m.actor, {o.actor_rate}}, {"temperature", &m.temperature, {price_rate}}});
  } else if (acts && m.fused) {
    stats.merge(m.fused->learn_actor(m.batch, m.draws(), sets));
  } else if (acts) {
    take([&](auto first, auto count, auto& out) { m.learn_actor(first, count, out); },
         {{"actor", &m.actor, {o.actor_rate}}});
  }
  if (acts && (m.updates + 1) % o.target_every == 0) {
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

std::vector<float> FusionLearner::policy_values(View<const float> features) const {
  const Impl& m = *impl_;
  if (!m.options.has_critic()) return {};
  const std::int32_t rows = features.rows();
  std::vector<float> actions(at(rows) * at(m.options.weights)), log_prob(at(rows)), out(at(rows));
  std::vector<StepKey> keys;
  for (std::int32_t row = 0; row < rows; ++row) keys.push_back({m.seed, at(row), 0});
  model().act(features, keys, Mode::greedy, {actions.data(), rows, m.options.weights}, log_prob);
  const torch::InferenceMode inference;
  const torch::Tensor states = standardised(features, m.scale);
  const torch::Tensor taken = torch::from_blob(actions.data(), {rows, m.options.weights});
  const nn::NetworkParameters judge = m.critic.aliases();
  const torch::Tensor value =
      (m.options.kind == FusionKind::uwac ? normed_q(normed_critic(judge, "q1"), states, taken)
                                          : q_value(judge, "q1", states, taken))
          .contiguous();
  std::copy_n(value.data_ptr<float>(), rows, out.begin());
  return out;
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

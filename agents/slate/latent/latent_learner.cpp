#include "agents/slate/latent/latent_learner.h"

#include <algorithm>

#include "agents/replay/replay_buffer.h"
#include "agents/slate/latent/latent_values_net.h"
#include "agents/slate/networks/history_encoder_net.h"
#include "agents/networks/shard_gradients_net.h"
#include "agents/slate/networks/value_network_net.h"
#include "env/error.h"

namespace veer::slate {
namespace {

std::shared_ptr<const ItemVectors> with_width(std::shared_ptr<const ItemVectors> vectors,
                                              const LatentOptions& options) {
  if (vectors->width == options.encoder.features) return vectors;
  nn::reject_field("width of item vectors", std::to_string(vectors->width),
                   std::to_string(options.encoder.features) + ", the network's");
}

}  // namespace

struct LatentLearner::Impl {
  LatentOptions options;
  std::shared_ptr<const ItemVectors> vectors;
  std::int32_t slots;
  std::uint64_t seed;
  nn::FlatParameters actor, critic, target_actor, target_critic;
  torch::Tensor all_vectors;  ///< [N+1, D]
  Transitions batch;
  std::int64_t updates = 0;

  Impl(const LatentOptions& o, std::shared_ptr<const ItemVectors> v, std::int32_t k, std::uint64_t s)
      : options(o),
        vectors(with_width(std::move(v), o)),
        slots(k),
        seed(s),
        actor(actor_layout(o), fresh_parameters(o.encoder, actor_layout(o), s)),
        critic(critic_layout(o),
               nn::initial_parameters(critic_layout(o), s ^ 0x5DEECE66DULL, "cpu").to_arrays()),
        target_actor(actor_layout(o), actor.values()),
        target_critic(critic_layout(o), critic.values()),
        all_vectors(torch::from_blob(const_cast<float*>(vectors->values.data()),
                                     {vectors->items() + 1, vectors->width})) {}

  nn::DropoutKey key(std::uint64_t purpose, std::int32_t first) const {
    return {seed ^ (purpose * 0x9E3779B97F4A7C15ULL), static_cast<std::uint64_t>(first),
            static_cast<std::uint32_t>(updates)};
  }
  torch::Tensor states(const nn::NetworkParameters& net, bool next, std::int32_t first, std::int32_t count,
                       const nn::DropoutKey* mask) const;
  torch::Tensor shown(const nn::NetworkParameters& net, std::int32_t first, std::int32_t count) const;
  torch::Tensor best_items(const torch::Tensor& table, const torch::Tensor& actions, std::int64_t k) const;
  torch::Tensor next_value(const torch::Tensor& next, const nn::NetworkParameters& net,
                           const nn::NetworkParameters& judge) const;
  torch::Tensor targets(std::int32_t first, std::int32_t count) const;
  torch::Tensor beside(const torch::Tensor& state, const torch::Tensor& action) const {
    return torch::cat({state, action}, 1);
  }
  torch::Tensor critic_loss(const nn::NetworkParameters& judge, const torch::Tensor& state,
                            const torch::Tensor& items, const torch::Tensor& y, std::int32_t first) const;
  torch::Tensor actor_loss(const nn::NetworkParameters& net, const torch::Tensor& state,
                           const torch::Tensor& y, std::int32_t first) const;
  torch::Tensor answers(std::int32_t first, std::int32_t count) const;
  void learn_from(std::int32_t first, std::int32_t count, ShardGradients& out) const;
};

torch::Tensor LatentLearner::Impl::states(const nn::NetworkParameters& net, bool next, std::int32_t first,
                                          std::int32_t count, const nn::DropoutKey* mask) const {
  const auto& history = next ? batch.next_history : batch.history;
  const auto& size = next ? batch.next_history_size : batch.history_size;
  nn::DropoutMasks dropout(mask, net.device);
  return encode_histories(net, options.encoder,
                          read_histories(options.encoder, vectors->view(),
                                         View<const ItemId>(history.data(), batch.count, batch.history_width),
                                         size, first, count),
                          dropout);
}

/// g of the slates' items, [count, slots, d].
torch::Tensor LatentLearner::Impl::shown(const nn::NetworkParameters& net, std::int32_t first,
                                         std::int32_t count) const {
  const std::vector<std::int64_t> ids(batch.items.begin() + std::ptrdiff_t{first} * slots,
                                      batch.items.begin() + std::ptrdiff_t{first + count} * slots);
  const torch::Tensor index =
      torch::from_blob(const_cast<std::int64_t*>(ids.data()), {std::int64_t{count} * slots}, torch::kInt64);
  return linear(net, "item_map", all_vectors.index_select(0, index))
      .view({count, slots, options.encoder.width});
}

/// Ids [n, k] of the items that actions [n, d] score highest; `table` [N+1, d] with padding first.
torch::Tensor LatentLearner::Impl::best_items(const torch::Tensor& table, const torch::Tensor& actions,
                                              std::int64_t k) const {
  const torch::Tensor scores = torch::matmul(actions, table.narrow(0, 1, table.size(0) - 1).t());
  return std::get<1>(scores.topk(k, 1)) + 1;
}

/// Value of the next state under the target networks' own way of acting, [n].
torch::Tensor LatentLearner::Impl::next_value(const torch::Tensor& next, const nn::NetworkParameters& net,
                                              const nn::NetworkParameters& judge) const {
  nn::DropoutMasks off(nullptr, net.device);
  if (options.kind == LatentKind::a2c) return value_of(judge, "value", next, 0.0F, off);
  if (!options.judges_items()) return value_of(judge, "value", beside(next, next), 0.0F, off);
  const torch::Tensor table = linear(net, "item_map", all_vectors);
  const std::int64_t pool = std::min(options.candidates, vectors->items());
  const torch::Tensor candidates = best_items(table, next, pool);
  const torch::Tensor items =
      table.index_select(0, candidates.reshape({-1})).view({next.size(0), pool, table.size(1)});
  const torch::Tensor value = item_values(judge, next, items, 0.0F, off);
  const torch::Tensor scores = torch::matmul(items, next.unsqueeze(2)).squeeze(2);
  if (options.kind == LatentKind::wolpertinger) return std::get<0>(value.topk(slots, 1)).mean(1);
  const torch::Tensor picked = std::get<1>((value * scores.exp()).topk(slots, 1));
  return (choice_shares(scores.gather(1, picked)) * value.gather(1, picked)).sum(1);
}

torch::Tensor LatentLearner::Impl::targets(std::int32_t first, std::int32_t count) const {
  const torch::NoGradGuard no_gradient;
  const nn::NetworkParameters net = target_actor.aliases(), judge = target_critic.aliases();
  const torch::Tensor value = next_value(states(net, true, first, count, nullptr), net, judge).contiguous();
  torch::Tensor y = torch::empty({count});
  for (std::int32_t r = 0; r < count; ++r) {
    const float kept = is_terminated(batch.end[at(first + r)]) ? 0.0F : options.discount;
    y.data_ptr<float>()[r] = batch.reward[at(first + r)] + kept * value.data_ptr<float>()[r];
  }
  return y;
}

/// [count, slots]: 1 where an item was clicked.
torch::Tensor LatentLearner::Impl::answers(std::int32_t first, std::int32_t count) const {
  torch::Tensor out = torch::empty({count, slots});
  for (std::int32_t i = 0; i < count * slots; ++i) {
    out.data_ptr<float>()[i] =
        (batch.feedback[at(first) * at(slots) + at(i)] & feedback::accepted) != 0 ? 1.0F : 0.0F;
  }
  return out;
}

/// Summed over rows. `state` and `items` carry no gradient.
torch::Tensor LatentLearner::Impl::critic_loss(const nn::NetworkParameters& judge, const torch::Tensor& state,
                                               const torch::Tensor& items, const torch::Tensor& y,
                                               std::int32_t first) const {
  const auto count = static_cast<std::int32_t>(state.size(0));
  const nn::DropoutKey mask = key(3, first);
  nn::DropoutMasks dropout(&mask, judge.device);
  const float rate = options.critic_dropout;
  switch (options.kind) {
    case LatentKind::a2c:
      return (value_of(judge, "value", state, rate, dropout) - y).square().sum();
    case LatentKind::ddpg: {
      const torch::Tensor taken = torch::from_blob(
          const_cast<float*>(batch.memory.data()) + std::ptrdiff_t{first} * options.encoder.width,
          {count, options.encoder.width});
      return (value_of(judge, "value", beside(state, taken), rate, dropout) - y).square().sum();
    }
    case LatentKind::hac:
      return (value_of(judge, "value", beside(state, items.mean(1)), rate, dropout) - y).square().sum();
    case LatentKind::wolpertinger:
      return (item_values(judge, state, items, rate, dropout).mean(1) - y).square().sum();
    case LatentKind::slateq: {
      // The item that was chosen brought the reward and the next state; what nobody chose says nothing.
      const torch::Tensor clicked = answers(first, count);
      const torch::Tensor error = (item_values(judge, state, items, rate, dropout) - y.unsqueeze(1)).square();
      return (error * clicked / clicked.sum(1, true).clamp_min(1.0)).sum();
    }
    case LatentKind::supervised:
      break;
  }
  return torch::zeros({});
}

/// Summed over rows, without the answers' loss.
torch::Tensor LatentLearner::Impl::actor_loss(const nn::NetworkParameters& net, const torch::Tensor& state,
                                              const torch::Tensor& y, std::int32_t first) const {
  const auto count = static_cast<std::int32_t>(state.size(0));
  nn::DropoutMasks off(nullptr, net.device);
  switch (options.kind) {
    case LatentKind::a2c: {
      const nn::NetworkParameters judge = critic.aliases();
      const torch::Tensor advantage =
          (y - value_of(judge, "value", state.detach(), 0.0F, off).detach()).clamp(-1.0, 1.0);
      const torch::Tensor table = linear(net, "item_map", all_vectors);
      const torch::Tensor p =
          torch::softmax(torch::matmul(state, table.narrow(0, 1, table.size(0) - 1).t()), 1);
      const std::vector<std::int64_t> ids(batch.items.begin() + std::ptrdiff_t{first} * slots,
                                          batch.items.begin() + std::ptrdiff_t{first + count} * slots);
      const torch::Tensor index =
          torch::from_blob(const_cast<std::int64_t*>(ids.data()), {count, slots}, torch::kInt64) - 1;
      const torch::Tensor chosen = -(p.gather(1, index) + 1e-6).log().sum(1) * advantage;
      return chosen.sum() + options.entropy * (p * (p + 1e-12).log()).sum();
    }
    case LatentKind::ddpg:
    case LatentKind::hac:
    case LatentKind::wolpertinger: {
      const nn::NetworkParameters judge = critic.aliases();
      torch::Tensor loss = -value_of(judge, "value", beside(state.detach(), state), 0.0F, off).sum();
      if (options.kind == LatentKind::hac && options.alignment > 0.0F) {
        const torch::Tensor table = linear(net, "item_map", all_vectors);
        const torch::Tensor best = best_items(table.detach(), state.detach(), slots);
        const torch::Tensor pooled =
            table.index_select(0, best.reshape({-1})).view({count, slots, table.size(1)}).mean(1);
        loss = loss + options.alignment * (pooled - state).square().mean(1).sum();
      }
      return loss;
    }
    case LatentKind::supervised:
    case LatentKind::slateq:
      break;
  }
  return torch::zeros({});
}

void LatentLearner::Impl::learn_from(std::int32_t first, std::int32_t count, ShardGradients& out) const {
  const double all = batch.count;
  const nn::NetworkParameters net = actor.aliases();
  const nn::DropoutKey mask = key(1, first);
  const torch::Tensor state = states(net, false, first, count, &mask);
  const torch::Tensor items = shown(net, first, count);
  torch::Tensor y = torch::zeros({count});
  if (options.has_critic()) {
    y = targets(first, count);
    const nn::NetworkParameters judge = critic.aliases();
    const torch::Tensor loss = critic_loss(judge, state.detach(), items.detach(), y, first);
    out.set("critic", gradients_of(loss / all, judge));
    out.figures["critic_loss"] += loss.item<double>();
    out.figures["value"] += y.sum().item<double>();
  }
  torch::Tensor loss = actor_loss(net, state, y, first);
  out.figures["actor_loss"] += loss.item<double>();
  const bool reads_answers = options.kind == LatentKind::hac || options.kind == LatentKind::supervised ||
                             options.kind == LatentKind::slateq;
  if (reads_answers && options.clicks > 0.0F) {
    const torch::Tensor score = torch::matmul(items, state.unsqueeze(2)).squeeze(2);
    const torch::Tensor clicks =
        (score.clamp_min(0.0) - score * answers(first, count) + torch::log1p(torch::exp(-score.abs())))
            .mean(1)
            .sum();
    out.figures["click_loss"] += clicks.item<double>();
    loss = loss + options.clicks * clicks;
  }
  if (loss.requires_grad()) out.set("actor", gradients_of(loss / all, net));
}

LatentLearner::LatentLearner(const LatentOptions& options, std::shared_ptr<const ItemVectors> vectors,
                             std::int32_t slots, std::uint64_t seed)
    : impl_(std::make_unique<Impl>(options, std::move(vectors), slots, seed)) {
  (void)snapshot();
}
LatentLearner::~LatentLearner() = default;

UpdateStats LatentLearner::update(const TransitionSource& source) {
  Impl& m = *impl_;
  const LatentOptions& o = m.options;
  draw_batch(source, m.seed, m.updates, o.batch, m.batch);
  if (m.batch.slots != m.slots || m.batch.policy_state != o.encoder.width) {
    throw ConfigError(
        Where{{}, 0, "transitions"},
        Problem{"those of another world or policy", "this agent's own", "collect them with its snapshot"});
  }
  UpdateStats stats = in_shards(
      o.batch,
      [&](std::int32_t first, std::int32_t count, ShardGradients& out) { m.learn_from(first, count, out); },
      {{"critic", &m.critic, {o.critic_rate, o.weight_decay}},
       {"actor", &m.actor, {o.actor_rate, o.weight_decay}}});
  for (auto& entry : stats) entry.second /= o.batch;
  m.target_actor.approach(m.actor, o.target_rate);
  m.target_critic.approach(m.critic, o.target_rate);
  ++m.updates;
  require_finite(stats, m.updates);
  return stats;
}

LatentModel LatentLearner::model() const {
  return {impl_->options, impl_->vectors, impl_->actor.values(), impl_->critic.values()};
}
std::shared_ptr<const Policy> LatentLearner::snapshot() const {
  return make_latent_policy(model(), impl_->slots,
                            std::string(latent_names[static_cast<std::size_t>(impl_->options.kind)]));
}
std::int64_t LatentLearner::updates() const noexcept { return impl_->updates; }

void LatentLearner::save(NamedArrays& out) const {
  const Impl& m = *impl_;
  out.put_group("actor", m.actor.state());
  out.put_group("critic", m.critic.state());
  out.put_group("target_actor", m.target_actor.values());
  out.put_group("target_critic", m.target_critic.values());
  out.set_scalar<std::int64_t>("updates", m.updates);
}

void LatentLearner::load(const NamedArrays& in) {
  Impl& m = *impl_;
  m.actor.restore(in.group("actor"));
  m.critic.restore(in.group("critic"));
  m.target_actor = nn::FlatParameters(actor_layout(m.options), in.group("target_actor"));
  m.target_critic = nn::FlatParameters(critic_layout(m.options), in.group("target_critic"));
  m.updates = in.scalar<std::int64_t>("updates");
}

}  // namespace veer::slate

#include "agents/slate/hsrl/hsrl_learner.h"

#include <algorithm>
#include <cmath>

#include "agents/networks/shard_gradients_net.h"
#include "agents/replay/replay_buffer.h"
#include "agents/slate/hsrl/hsrl_policy.h"
#include "agents/slate/hsrl/slate_likelihood.h"
#include "agents/slate/hsrl/token_levels_net.h"
#include "agents/slate/networks/history_encoder_net.h"
#include "agents/slate/networks/value_network_net.h"
#include "env/error.h"

namespace veer::slate {
namespace {

/// What dropout masks are for, mixed into their seed.
enum MaskPurpose : std::uint64_t { current_masks = 1, target_masks = 2, critic_masks = 3, cloning_masks = 4 };

/// Where every row's token log-probabilities are, [n, levels, V].
View<const float> levels_of(const torch::Tensor& log_p, std::int64_t row) {
  return {log_p.data_ptr<float>() + row * log_p.size(1) * log_p.size(2),
          static_cast<std::int32_t>(log_p.size(1)), static_cast<std::int32_t>(log_p.size(2))};
}

}  // namespace

struct HsrlLearner::Impl {
  HsrlOptions options;
  std::shared_ptr<const SemanticCatalogue> catalogue;
  std::int32_t slots;
  std::uint64_t seed;
  nn::FlatParameters actor, critic, target_actor, target_critic, cloner;
  Transitions batch;
  std::int64_t updates = 0;

  Impl(const HsrlOptions& o, std::shared_ptr<const SemanticCatalogue> c, std::int32_t k, std::uint64_t s)
      : options(o),
        catalogue(std::move(c)),
        slots(k),
        seed(s),
        actor(actor_layout(o), HsrlModel(o, catalogue, s).weights()),
        critic(critic_layout(o), fresh_critic(o, s)),
        target_actor(actor_layout(o), actor.values()),
        target_critic(critic_layout(o), critic.values()),
        cloner(actor_layout(o), actor.values()) {}

  static NamedArrays fresh_critic(const HsrlOptions& o, std::uint64_t s) {
    return nn::initial_parameters(critic_layout(o), s ^ 0x5DEECE66DULL, "cpu").to_arrays();
  }

  nn::DropoutKey key(MaskPurpose purpose, std::int32_t first) const {
    return {seed ^ (std::uint64_t{purpose} * 0x9E3779B97F4A7C15ULL), static_cast<std::uint64_t>(first),
            static_cast<std::uint32_t>(updates)};
  }
  torch::Tensor states(const nn::NetworkParameters& net, bool next, std::int32_t first, std::int32_t count,
                       const nn::DropoutKey* mask) const;
  torch::Tensor values(const nn::NetworkParameters& net, const torch::Tensor& contexts, bool drops,
                       const nn::DropoutKey& mask) const;
  torch::Tensor weights(const nn::NetworkParameters& net) const;
  torch::Tensor targets(std::int32_t first, std::int32_t count) const;
  torch::Tensor soft_objective(const TokenLevels& levels, const torch::Tensor& advantage, std::int32_t first,
                               ShardFigures& figures) const;
  torch::Tensor sampled_objective(const nn::NetworkParameters& net, const torch::Tensor& state,
                                  const torch::Tensor& advantage, std::int32_t first,
                                  ShardFigures& figures) const;
  torch::Tensor chosen_codes(std::int32_t first, std::int32_t count, torch::Tensor& known) const;
  torch::Tensor allowed(const torch::Tensor& codes, std::int32_t level) const;
  void learn_from(std::int32_t first, std::int32_t count, ShardGradients& out) const;
  torch::Tensor cloning_loss(const nn::NetworkParameters& net, std::int32_t first, std::int32_t count) const;
};

/// States of rows of the batch, [count, d].
torch::Tensor HsrlLearner::Impl::states(const nn::NetworkParameters& net, bool next, std::int32_t first,
                                        std::int32_t count, const nn::DropoutKey* mask) const {
  const auto& history = next ? batch.next_history : batch.history;
  const auto& size = next ? batch.next_history_size : batch.history_size;
  const HistoryBatch read =
      read_histories(options.encoder, catalogue->vectors(),
                     View<const ItemId>(history.data(), batch.count, batch.history_width), size, first, count,
                     options.last_item_pads ? catalogue->items() : no_item);
  nn::DropoutMasks dropout(mask, net.device);
  return encode_histories(net, options.encoder, read, dropout);
}

/// [n, levels + 1] of contexts [n, levels + 1, d]; [n, 1] for a critic of the state alone.
torch::Tensor HsrlLearner::Impl::values(const nn::NetworkParameters& net, const torch::Tensor& contexts,
                                        bool drops, const nn::DropoutKey& mask) const {
  const std::string device = "cpu";
  nn::DropoutMasks dropout(drops ? &mask : nullptr, device);
  const float rate = options.critic_dropout;
  if (options.critic == CriticForm::shared) return value_of(net, "value", contexts, rate, dropout);
  if (options.critic == CriticForm::state)
    return value_of(net, "value", contexts.narrow(1, 0, 1), rate, dropout);
  std::vector<torch::Tensor> each;
  for (std::int64_t j = 0; j <= options.levels; ++j) {
    each.push_back(value_of(net, "value." + std::to_string(j), contexts.select(1, j), rate, dropout));
  }
  return torch::stack(each, 1);
}

torch::Tensor HsrlLearner::Impl::weights(const nn::NetworkParameters& net) const {
  if (options.critic == CriticForm::state) return torch::ones({1});
  const torch::Tensor logits = net.at("level_weights");
  return torch::softmax(options.learned_level_weights ? logits : logits.detach(), 0);
}

/// y [count], no gradient.
torch::Tensor HsrlLearner::Impl::targets(std::int32_t first, std::int32_t count) const {
  const torch::NoGradGuard no_gradient;
  const nn::NetworkParameters net = target_actor.aliases(), judge = target_critic.aliases();
  const nn::DropoutKey mask = key(target_masks, first);
  const torch::Tensor next = states(net, true, first, count, options.target_dropout ? &mask : nullptr);
  const torch::Tensor contexts = expected_levels(net, options.levels, next, options.sharpness).contexts;
  const torch::Tensor value =
      (values(judge, contexts, options.target_dropout, mask) * weights(judge)).sum(1).contiguous();
  torch::Tensor y = torch::empty({count});
  for (std::int32_t r = 0; r < count; ++r) {
    const EndReason end = batch.end[at(first + r)];
    const bool counts = options.bootstrap == Bootstrap::only_at_ends ? has_ended(end) : !is_terminated(end);
    y.data_ptr<float>()[r] =
        batch.reward[at(first + r)] + (counts ? options.discount * value.data_ptr<float>()[r] : 0.0F);
  }
  return y;
}

/// What to maximise, summed over rows: slope of the slates' log-probabilities times the token
/// log-probabilities.
torch::Tensor HsrlLearner::Impl::soft_objective(const TokenLevels& levels, const torch::Tensor& advantage,
                                                std::int32_t first, ShardFigures& figures) const {
  const torch::Tensor log_p = torch::log_softmax(torch::stack(levels.logits, 1), -1);
  const torch::Tensor plain = log_p.detach().contiguous();
  const torch::Tensor known = advantage.contiguous();
  torch::Tensor slope = torch::zeros_like(plain);
  SlateSearch search(*catalogue);
  for (std::int64_t r = 0; r < plain.size(0); ++r) {
    const auto items =
        std::span(batch.items).subspan((at(first) + static_cast<std::size_t>(r)) * at(slots), at(slots));
    const std::span<const float> weight(known.data_ptr<float>() + r * options.levels, at(options.levels));
    const View<float> out(slope.data_ptr<float>() + r * plain.size(1) * plain.size(2), options.levels,
                          options.vocabulary);
    const SlateLikelihood found =
        add_slope(search, *catalogue, levels_of(plain, r), items, weight, options.exact_likelihood, out);
    double importance = 1.0;
    if (options.most_importance > 0.0F) {
      importance = std::min(
          double{options.most_importance},
          std::exp(found.log_prob - double{batch.log_prob[at(first) + static_cast<std::size_t>(r)]}));
      slope.select(0, r).mul_(importance);
    }
    figures["importance"] += importance;
  }
  const torch::Tensor entropy = -(log_p.exp() * log_p).sum();
  figures["entropy"] += entropy.item<double>() / options.levels;
  return (slope * log_p).sum() + options.entropy * entropy;
}

/// Codes int64 [count * slots, levels] of the slates' items; `known` [count, slots]: 1 where an item may
/// still be shown.
torch::Tensor HsrlLearner::Impl::chosen_codes(std::int32_t first, std::int32_t count,
                                              torch::Tensor& known) const {
  torch::Tensor codes = torch::zeros({std::int64_t{count} * slots, options.levels}, torch::kInt64);
  known = torch::zeros({count, slots});
  for (std::int32_t i = 0; i < count * slots; ++i) {
    const ItemId item = batch.items[at(first) * at(slots) + at(i)];
    if (item > catalogue->items() || !catalogue->model().ids.has(item)) continue;
    known.data_ptr<float>()[i] = 1.0F;
    const auto tuple = catalogue->codes_of(item);
    std::copy(tuple.begin(), tuple.end(), codes.data_ptr<std::int64_t>() + std::int64_t{i} * options.levels);
  }
  return codes;
}

/// 0 where a token of this level leads to an item after the row's codes before, -1e9 elsewhere: [n, V].
torch::Tensor HsrlLearner::Impl::allowed(const torch::Tensor& codes, std::int32_t level) const {
  const nn::PrefixTrie& tree = catalogue->tree();
  const nn::SemanticIdLayout& layout = catalogue->model().ids.layout();
  torch::Tensor out = torch::full({codes.size(0), options.vocabulary}, -1e9F);
  for (std::int64_t r = 0; r < codes.size(0); ++r) {
    const std::int64_t* tuple = codes.data_ptr<std::int64_t>() + r * options.levels;
    std::int32_t node = nn::PrefixTrie::root;
    for (std::int32_t l = 0; l < level && node >= 0; ++l) {
      node = tree.find_child(node, layout.token(l, static_cast<std::int32_t>(tuple[l])));
    }
    float* row = out.data_ptr<float>() + r * options.vocabulary;
    if (node < 0) {  // an item that may not be shown any more: its row has no weight
      std::fill_n(row, options.vocabulary, 0.0F);
      continue;
    }
    for (const std::int32_t token : tree.child_tokens(node)) row[catalogue->code(level, token)] = 0.0F;
  }
  return out;
}

torch::Tensor HsrlLearner::Impl::sampled_objective(const nn::NetworkParameters& net,
                                                   const torch::Tensor& state, const torch::Tensor& advantage,
                                                   std::int32_t first, ShardFigures& figures) const {
  const std::int64_t count = state.size(0);
  torch::Tensor known;
  const torch::Tensor codes = chosen_codes(first, static_cast<std::int32_t>(count), known);
  const std::vector<torch::Tensor> logits =
      chosen_levels(net, options.levels, state.repeat_interleave(slots, 0), codes, options.sharpness);
  torch::Tensor objective = torch::zeros({count, slots}), log_prob = torch::zeros({count, slots});
  torch::Tensor entropy = torch::zeros({});
  for (std::int32_t l = 0; l < options.levels; ++l) {
    const torch::Tensor scores = options.exact_likelihood ? logits[at(l)] + allowed(codes, l) : logits[at(l)];
    const torch::Tensor log_p = torch::log_softmax(scores, -1);
    const torch::Tensor chosen = log_p.gather(1, codes.narrow(1, l, 1)).view({count, slots}) * known;
    objective = objective + advantage.narrow(1, l, 1) * chosen;
    log_prob = log_prob + chosen;
    entropy = entropy - (log_p.exp() * log_p).sum() / slots;
  }
  if (options.exact_likelihood) {
    // Drawn without replacement: what was drawn before is not left.
    const torch::Tensor drawn = log_prob.exp() * known;
    const torch::Tensor left = (1.0 - (drawn.cumsum(1) - drawn)).clamp_min(1e-6);
    objective = objective - advantage.mean(1, true) * left.log() * known;
    log_prob = log_prob - left.log() * known;
  }
  torch::Tensor importance = torch::ones({count});
  if (options.most_importance > 0.0F) {
    const torch::Tensor then =
        torch::from_blob(const_cast<float*>(batch.log_prob.data()) + first, {count}).clone();
    importance = (log_prob.detach().sum(1) - then).exp().clamp_max(options.most_importance);
  }
  figures["importance"] += importance.sum().item<double>();
  figures["entropy"] += entropy.item<double>() / options.levels;
  return (objective.sum(1) * importance).sum() / slots + options.entropy * entropy;
}

void HsrlLearner::Impl::learn_from(std::int32_t first, std::int32_t count, ShardGradients& out) const {
  const double all = batch.count;
  const torch::Tensor y = targets(first, count);
  const nn::NetworkParameters net = actor.aliases(), judge = critic.aliases();
  const nn::DropoutKey mask = key(current_masks, first);
  const torch::Tensor state = states(net, false, first, count, &mask);
  const TokenLevels levels = expected_levels(net, options.levels, state, options.sharpness);

  const torch::Tensor each = values(judge, levels.contexts.detach(), true, key(critic_masks, first));
  const torch::Tensor value = (each * weights(judge)).sum(1);
  torch::Tensor critic_loss = (value - y).square().sum();
  if (options.credit == Credit::level) {
    critic_loss = critic_loss + (each - y.unsqueeze(1)).square().mean(1).sum();
  }
  out.set("critic", gradients_of(critic_loss / all, judge));

  torch::Tensor advantage = (y - value.detach()).unsqueeze(1).expand({count, options.levels});
  if (options.credit == Credit::level && options.critic != CriticForm::state) {
    advantage = y.unsqueeze(1) - each.detach().narrow(1, 0, options.levels);
  }
  advantage = advantage.clamp(-options.most_advantage, options.most_advantage);
  const torch::Tensor objective = options.residual == Residual::soft
                                      ? soft_objective(levels, advantage, first, out.figures)
                                      : sampled_objective(net, state, advantage, first, out.figures);
  out.set("actor", gradients_of(-objective / all, net));

  out.figures["critic_loss"] += critic_loss.item<double>();
  out.figures["value"] += value.sum().item<double>();
  out.figures["advantage"] += advantage.abs().mean(1).sum().item<double>();
}

/// Summed over the rows' items, divided by the whole batch's.
torch::Tensor HsrlLearner::Impl::cloning_loss(const nn::NetworkParameters& net, std::int32_t first,
                                              std::int32_t count) const {
  const nn::DropoutKey mask = key(cloning_masks, first);
  const torch::Tensor state = states(net, false, first, count, &mask);
  torch::Tensor known;
  const torch::Tensor codes = chosen_codes(first, count, known);
  const std::vector<torch::Tensor> logits =
      options.residual == Residual::soft
          ? expected_levels(net, options.levels, state, options.sharpness).logits
          : chosen_levels(net, options.levels, state.repeat_interleave(slots, 0), codes, options.sharpness);
  torch::Tensor score = torch::zeros({count, slots});
  for (std::int32_t l = 0; l < options.levels; ++l) {
    torch::Tensor level = logits[at(l)];
    level = options.cloning == Cloning::shares ? torch::log_softmax(level, -1) : level / options.sharpness;
    if (options.residual == Residual::soft) level = level.repeat_interleave(slots, 0);
    score = score + level.gather(1, codes.narrow(1, l, 1)).view({count, slots});
  }
  if (options.cloning == Cloning::shares) {
    const torch::Tensor weight = score.exp() * known;
    score = weight / (weight.sum(1, true) + 1e-12);
  }
  torch::Tensor answers = torch::empty({count, slots});
  for (std::int32_t i = 0; i < count * slots; ++i) {
    answers.data_ptr<float>()[i] =
        (batch.feedback[at(first) * at(slots) + at(i)] & feedback::accepted) != 0 ? 1.0F : 0.0F;
  }
  // ln(1 + e^s) - s y, item by item.
  const torch::Tensor loss =
      (torch::clamp_min(score, 0.0) - score * answers + torch::log1p(torch::exp(-score.abs()))) * known;
  return loss.sum() / (double(batch.count) * double(slots));
}

HsrlLearner::HsrlLearner(const HsrlOptions& options, std::shared_ptr<const SemanticCatalogue> catalogue,
                         std::int32_t slots, std::uint64_t seed)
    : impl_(std::make_unique<Impl>(options, std::move(catalogue), slots, seed)) {}
HsrlLearner::~HsrlLearner() = default;

UpdateStats HsrlLearner::update(const TransitionSource& source) {
  Impl& m = *impl_;
  const HsrlOptions& o = m.options;
  draw_batch(source, m.seed, m.updates, o.batch, m.batch);
  if (m.batch.slots != m.slots) {
    throw ConfigError(Where{{}, 0, "transitions"},
                      Problem{"slates of " + std::to_string(m.batch.slots), std::to_string(m.slots),
                              "the agent was made for another world"});
  }
  UpdateStats stats = in_shards(
      o.batch,
      [&](std::int32_t first, std::int32_t count, ShardGradients& out) { m.learn_from(first, count, out); },
      {{"critic", &m.critic, {o.critic_rate, o.weight_decay}},
       {"actor", &m.actor, {o.actor_rate, o.weight_decay}}});
  for (auto& entry : stats) entry.second /= o.batch;
  if (o.cloning_rate > 0.0F) {
    m.cloner.assign(m.actor);
    const UpdateStats cloned = in_shards(o.batch,
                                         [&](std::int32_t first, std::int32_t count, ShardGradients& out) {
                                           const nn::NetworkParameters net = m.cloner.aliases();
                                           const torch::Tensor loss = m.cloning_loss(net, first, count);
                                           out.set("cloning", gradients_of(loss, net));
                                           out.figures["cloning_loss"] += loss.item<double>();
                                         },
                                         {{"cloning", &m.cloner, {o.cloning_rate, o.cloning_decay}}});
    m.actor.assign(m.cloner);
    stats.insert(cloned.begin(), cloned.end());
  }
  m.target_actor.approach(m.actor, o.target_rate);
  m.target_critic.approach(m.critic, o.target_rate);
  ++m.updates;
  require_finite(stats, m.updates);
  return stats;
}

std::shared_ptr<const Policy> HsrlLearner::snapshot() const {
  return make_hsrl_policy(model(), impl_->slots, "hsrl");
}

HsrlModel HsrlLearner::model() const { return {impl_->options, impl_->catalogue, impl_->actor.values()}; }
std::int64_t HsrlLearner::updates() const noexcept { return impl_->updates; }

std::vector<float> HsrlLearner::level_weights() const {
  const torch::NoGradGuard no_gradient;
  const torch::Tensor found = impl_->weights(impl_->critic.aliases()).contiguous();
  return {found.data_ptr<float>(), found.data_ptr<float>() + found.numel()};
}

void HsrlLearner::change_catalogue(std::shared_ptr<const SemanticCatalogue> catalogue) {
  (void)model().on(catalogue);
  impl_->catalogue = std::move(catalogue);
}

void HsrlLearner::save(NamedArrays& out) const {
  const Impl& m = *impl_;
  out.put_group("actor", m.actor.state());
  out.put_group("critic", m.critic.state());
  out.put_group("target_actor", m.target_actor.values());
  out.put_group("target_critic", m.target_critic.values());
  if (m.options.cloning_rate > 0.0F) out.put_group("cloner", m.cloner.state());
  out.set_scalar<std::int64_t>("updates", m.updates);
}

void HsrlLearner::load(const NamedArrays& in) {
  Impl& m = *impl_;
  m.actor.restore(in.group("actor"));
  m.critic.restore(in.group("critic"));
  m.target_actor = nn::FlatParameters(actor_layout(m.options), in.group("target_actor"));
  m.target_critic = nn::FlatParameters(critic_layout(m.options), in.group("target_critic"));
  if (m.options.cloning_rate > 0.0F) m.cloner.restore(in.group("cloner"));
  m.updates = in.scalar<std::int64_t>("updates");
}

}  // namespace veer::slate

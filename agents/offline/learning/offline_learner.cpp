#include "agents/offline/learning/offline_learner.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_set>
#include <vector>

#include "agents/offline/learning/td_losses.h"
#include "agents/offline/returns.h"
#include "agents/offline/trainable_network_net.h"
#include "env/error.h"
#include "env/random.h"

namespace veer::offline {
namespace {

/// Streams of one update, by the episode number of their keys.
enum Purpose : std::uint64_t { draw_rows = 1, toss_coin = 2, draw_negatives = 3 };

/// One batch of logged events and what follows them.
struct EventBatch {
  std::vector<std::int64_t> events;
  std::vector<ItemId> actions;
  std::vector<float> rewards;
  std::vector<std::uint8_t> done;
  nn::StateBatch now, next;
  Prompts prompts;

  explicit EventBatch(std::int32_t state_length) : now(state_length), next(state_length) {}
  std::int32_t rows() const noexcept { return static_cast<std::int32_t>(events.size()); }
};

/// Values [rows, width] that the heads read.
struct Matrix {
  std::vector<float> values;
  std::int32_t rows = 0, width = 0;
  void resize(std::int32_t r, std::int32_t w) {
    rows = r;
    width = w;
    values.resize(at(r) * at(w));
  }
  View<float> view() { return {values.data(), rows, width}; }
  View<const float> view() const { return {values.data(), rows, width}; }
};

}  // namespace

struct OfflineLearner::Impl {
  const SessionLog& log;
  AgentOptions options;
  std::uint64_t seed;
  std::vector<std::unique_ptr<TrainableNetwork>> networks;
  std::vector<nn::CatalogueCrossEntropy> cross_entropy;  ///< per network, over its ranking head
  std::vector<float> returns, mean_return;               ///< PRL
  std::vector<float> share;                              ///< of each item among the events, SA2C
  EventBatch batch;
  std::int64_t updates = 0;

  Impl(const SessionLog& events, const AgentOptions& o, std::uint64_t s, std::vector<float> means)
      : log(events), options(o), seed(s), mean_return(std::move(means)), batch(o.encoder.state_length) {
    for (std::uint32_t twin = 0; twin < (o.has_twin() ? 2U : 1U); ++twin) {
      networks.push_back(std::make_unique<TrainableNetwork>(o, events.items(), s, twin));
      cross_entropy.emplace_back(networks.back()->ranking_head());
    }
    if (o.has_prompt()) {
      returns = returns_to_go(events, o.prompt.decay);
      if (mean_return.empty()) mean_return = mean_returns(events, returns);
    }
    if (o.kind == AgentKind::sa2c) {
      share.assign(at(events.items()) + 1, 0.0F);
      for (std::int64_t e = 0; e < events.events(); ++e) share[at(events.item(e))] += 1.0F;
      for (float& value : share) value /= static_cast<float>(events.events());
    }
  }

  StepKey key(Purpose purpose) const { return {seed, purpose, static_cast<std::uint32_t>(updates)}; }
  bool second_phase() const { return options.switches() && updates >= options.switch_at; }
  void draw();
  void read(TrainableNetwork& network, const nn::StateBatch& states, std::uint32_t purpose, Matrix& out);
  std::vector<float> targets(TrainableNetwork& main, TrainableNetwork& twin);
  struct Negatives {
    std::vector<ItemId> items;  ///< [B, m]
    float target(std::size_t row) const { return targets[row]; }
    std::vector<float> targets;  ///< [B]
  };
  Negatives negatives(TrainableNetwork& main, TrainableNetwork& twin);
  UpdateStats learn(std::size_t learner, std::span<const float> targets, const Negatives& negatives);
  float event_weight(std::size_t row) const;
  OfflineModel model_of(const TrainableNetwork& network) const;
};

/// Distinct events, uniformly, and their states.
void OfflineLearner::Impl::draw() {
  const StepKey rows = key(draw_rows);
  const std::int64_t all = log.events();
  std::unordered_set<std::int64_t> taken;  // looked up, never walked: its order reaches nothing
  batch.events.clear();
  batch.actions.clear();
  batch.rewards.clear();
  batch.done.clear();
  batch.prompts = {};
  for (std::uint32_t lane = 0; batch.rows() < options.batch; ++lane) {
    // Two words make a number below 2^64, so logs of any size are drawn from evenly.
    const std::uint64_t word = (std::uint64_t{random_word(rows, Stream::shuffle, 2 * lane)} << 32) |
                               random_word(rows, Stream::shuffle, 2 * lane + 1);
    const auto event = static_cast<std::int64_t>(word % static_cast<std::uint64_t>(all));
    if (!taken.insert(event).second) continue;
    batch.events.push_back(event);
  }
  batch.now.resize(options.batch);
  batch.next.resize(options.batch);
  for (std::int32_t r = 0; r < options.batch; ++r) {
    const std::int64_t event = batch.events[at(r)];
    batch.actions.push_back(log.item(event));
    batch.rewards.push_back(log.reward(event));
    batch.done.push_back(log.last(event) ? 1 : 0);
    batch.now.set(r, log.before(event));
    if (options.has_twin()) batch.next.set(r, log.through(event));
    if (options.has_prompt()) {
      const std::int32_t step = prompt_step(log.step(event));
      batch.prompts.step.push_back(step);
      batch.prompts.ratio.push_back(returns[at(event)] / mean_return[at(step)]);
    }
  }
}

/// What a network makes of states that nobody differentiates.
void OfflineLearner::Impl::read(TrainableNetwork& network, const nn::StateBatch& states,
                                std::uint32_t purpose, Matrix& out) {
  const nn::EncoderNet net = network.below();
  out.resize(states.rows(), net.width());
  const nn::DropoutKey dropout{seed + purpose, 0, static_cast<std::uint32_t>(updates)};
  nn::encode_states(net, states, options.target_dropout ? &dropout : nullptr, out.view());
}

/// Double Q-learning's targets of the logged actions; for `auxiliary` the rewards themselves.
std::vector<float> OfflineLearner::Impl::targets(TrainableNetwork& main, TrainableNetwork& twin) {
  if (options.kind == AgentKind::auxiliary) return batch.rewards;
  Matrix chosen_by, valued_by;
  read(main, batch.next, 1, chosen_by);
  read(twin, batch.next, 2, valued_by);
  std::vector<ItemId> best(at(batch.rows()));
  if (options.bars_items()) {
    nn::best_allowed_items(main.imitated_values(), chosen_by.view(), best);
  } else {
    nn::best_items(main.value_head()->weights(), chosen_by.view(), best);
  }
  std::vector<float> value(best.size());
  nn::scores_of(twin.value_head()->weights(), valued_by.view(), {best.data(), batch.rows(), 1},
                {value.data(), batch.rows(), 1});
  std::vector<float> out;
  for (std::size_t r = 0; r < value.size(); ++r) {
    out.push_back(td_target(batch.rewards[r], options.discount, batch.done[r] != 0, value[r]));
  }
  return out;
}

/// Sampled actions that were not taken. Being ignored leaves the state as it is, at a session's end as well.
OfflineLearner::Impl::Negatives OfflineLearner::Impl::negatives(TrainableNetwork& main,
                                                                TrainableNetwork& twin) {
  Negatives out;
  const StepKey drawn = key(draw_negatives);
  std::uint32_t lane = 0;
  const auto items = static_cast<std::uint32_t>(log.items());
  for (const ItemId action : batch.actions) {
    for (std::int32_t k = 0; k < options.negatives; ++k) {
      // One of the others: those from the action on move up by one.
      const auto item = static_cast<ItemId>(uniform_below(items - 1, drawn, Stream::negative, lane++)) + 1;
      out.items.push_back(item < action ? item : item + 1);
    }
  }
  Matrix chosen_by, valued_by;
  read(main, batch.now, 3, chosen_by);
  read(twin, batch.now, 4, valued_by);
  std::vector<ItemId> best(at(batch.rows()));
  nn::best_items(main.value_head()->weights(), chosen_by.view(), best);
  out.targets.resize(best.size());
  nn::scores_of(twin.value_head()->weights(), valued_by.view(), {best.data(), batch.rows(), 1},
                {out.targets.data(), batch.rows(), 1});
  for (float& value : out.targets) value = td_target(options.negative_reward, options.discount, false, value);
  return out;
}

/// What an event's cross-entropy counts, before any action value.
float OfflineLearner::Impl::event_weight(std::size_t row) const {
  if (options.kind == AgentKind::weighted) return batch.rewards[row];
  if (!options.has_prompt()) return 1.0F;
  switch (options.prompt.weighting) {
    case PromptWeighting::reward:
      return batch.rewards[row];
    case PromptWeighting::none:
      return 1.0F;
    case PromptWeighting::cumulative:
      return returns[at(batch.events[row])];
    case PromptWeighting::normalised:
      return batch.prompts.ratio[row];
  }
  return 1.0F;
}

UpdateStats OfflineLearner::Impl::learn(std::size_t learner, std::span<const float> targets,
                                        const Negatives& negatives) {
  TrainableNetwork& main = *networks[learner];
  const auto rows = at(batch.rows());
  const auto others = static_cast<std::int32_t>(negatives.items.size() / rows);
  double entropy = 0.0, value_error = 0.0, value_sum = 0.0, loss = 0.0;
  const nn::DropoutKey dropout{seed, 0, static_cast<std::uint32_t>(updates)};
  nn::encoder_step(
      main.below(prompt_read_out(options, batch.prompts)), batch.now, &dropout,
      [&](View<const float> read, View<float> gradient) {
        const float each = 1.0F / static_cast<float>(rows);
        std::vector<float> losses(rows), weights(rows);
        cross_entropy[learner].forward(read, batch.actions, losses);
        for (std::size_t r = 0; r < rows; ++r) weights[r] = event_weight(r);
        if (options.kind == AgentKind::cql) std::fill(weights.begin(), weights.end(), options.conservatism);

        std::vector<ItemId> items;
        std::vector<float> q, slope;
        if (options.learns_values()) {
          for (std::size_t r = 0; r < rows; ++r) {
            items.push_back(batch.actions[r]);
            const auto first = negatives.items.begin() + static_cast<std::ptrdiff_t>(r) * others;
            items.insert(items.end(), first, first + others);
          }
          q.resize(items.size());
          slope.resize(items.size());
          const View<const ItemId> asked(items.data(), batch.rows(), 1 + others);
          nn::scores_of(main.value_head()->weights(), read, asked, {q.data(), batch.rows(), 1 + others});
          // Only SNQN weighs the values' loss from the start; SA2C in its second phase.
          const bool weighs =
              options.kind == AgentKind::snqn || (options.kind == AgentKind::sa2c && second_phase());
          const float omega = weighs ? options.value_weight : 1.0F;
          for (std::size_t r = 0; r < rows; ++r) {
            const std::size_t begin = r * at(1 + others);
            const SquaredError chosen = options.kind == AgentKind::bcq ? smooth_l1(targets[r], q[begin])
                                                                       : half_squared(targets[r], q[begin]);
            double row_error = double{chosen.loss};
            slope[begin] = omega * each * chosen.slope;
            for (std::size_t k = 1; k <= at(others); ++k) {
              const SquaredError ignored = half_squared(negatives.target(r), q[begin + k]);
              row_error += double{ignored.loss};
              slope[begin + k] = omega * each * ignored.slope;
            }
            value_error += row_error;
            loss += double{omega} * row_error;
            value_sum += double{q[begin]};
            if (!second_phase()) continue;
            if (options.kind == AgentKind::sac) {
              weights[r] *= q[begin];
            } else {
              float advantage = advantage_of(q[begin], std::span(q).subspan(begin + 1, at(others)));
              if (options.clips_advantage) {
                advantage = std::clamp(advantage, options.least_advantage, options.most_advantage);
              }
              weights[r] *= advantage * propensity_weight(std::exp(-losses[r]), share[at(batch.actions[r])],
                                                          options.smoothing);
            }
          }
        }
        for (std::size_t r = 0; r < rows; ++r) {
          entropy += double{losses[r]};
          loss += double{weights[r]} * double{losses[r]};
          weights[r] *= each;
        }
        cross_entropy[learner].backward(weights, gradient);
        if (options.bars_items() && options.imitation_penalty > 0.0F) {
          loss += static_cast<double>(rows) * double{options.imitation_penalty} *
                  nn::add_square_penalty(*main.policy_head(), read, options.imitation_penalty, gradient);
        }
        if (options.learns_values()) {
          nn::scores_backward(*main.value_head(), read, {items.data(), batch.rows(), 1 + others},
                              {slope.data(), batch.rows(), 1 + others}, gradient);
        }
      });
  const auto count = static_cast<double>(rows);
  if (!std::isfinite(loss)) {
    throw Error(ExitCode::failure, describe(Where{{}, 0, "update " + std::to_string(updates + 1)},
                                            Problem{"a loss that is no finite number", "a finite one",
                                                    "training diverged: use a smaller --learning-rate"}));
  }
  nn::AdamOptions adam;
  adam.learning_rate =
      options.kind == AgentKind::sa2c && second_phase() ? options.second_rate : options.learning_rate;
  main.update(adam);
  UpdateStats stats{{"loss", loss / count}, {"cross_entropy", entropy / count}};
  if (options.learns_values()) {
    stats["value"] = value_sum / count;
    stats["value_error"] = value_error / count;
  }
  return stats;
}

OfflineLearner::OfflineLearner(const SessionLog& log, const AgentOptions& options, std::uint64_t seed,
                               std::vector<float> mean_returns) {
  check_options(options);
  if (log.events() < options.batch) {
    throw DataError(Where{{}, 0, "training sessions"},
                    Problem{std::to_string(log.events()) + " events",
                            "at least a batch of " + std::to_string(options.batch),
                            "use a smaller --batch or more data"});
  }
  if (options.samples_negatives() && log.items() < 2) {
    throw DataError(Where{{}, 0, "catalogue"},
                    Problem{"one item", "two or more", "there is nothing to sample"});
  }
  impl_ = std::make_unique<Impl>(log, options, seed, std::move(mean_returns));
}
OfflineLearner::~OfflineLearner() = default;

UpdateStats OfflineLearner::update() {
  Impl& my = *impl_;
  if (my.second_phase() && my.updates == my.options.switch_at) {
    for (auto& network : my.networks) network->restart_optimiser();
  }
  my.draw();
  const bool swapped = my.options.has_twin() && uniform_below(2, my.key(toss_coin), Stream::shuffle, 0) == 1;
  const std::size_t learner = swapped ? 1 : 0, other = my.networks.size() - 1 - learner;
  std::vector<float> targets;
  Impl::Negatives negatives;
  if (my.options.learns_values()) targets = my.targets(*my.networks[learner], *my.networks[other]);
  if (my.options.samples_negatives()) negatives = my.negatives(*my.networks[learner], *my.networks[other]);
  UpdateStats stats = my.learn(learner, targets, negatives);
  ++my.updates;
  return stats;
}

std::int64_t OfflineLearner::updates() const noexcept { return impl_->updates; }

OfflineModel OfflineLearner::Impl::model_of(const TrainableNetwork& network) const {
  return OfflineModel::from_arrays(options, log.items(), network.ranking_arrays(), mean_return);
}
OfflineModel OfflineLearner::snapshot() const { return impl_->model_of(*impl_->networks.front()); }
OfflineModel OfflineLearner::twin_snapshot() const { return impl_->model_of(*impl_->networks.back()); }

NamedArrays OfflineLearner::state() const {
  NamedArrays out;
  for (std::size_t n = 0; n < impl_->networks.size(); ++n) {
    out.put_group("network" + std::to_string(n), impl_->networks[n]->state());
  }
  out.set_scalar<std::int64_t>("updates", impl_->updates);
  return out;
}

void OfflineLearner::restore(const NamedArrays& state) {
  for (std::size_t n = 0; n < impl_->networks.size(); ++n) {
    impl_->networks[n]->restore(state.group("network" + std::to_string(n)));
  }
  impl_->updates = state.scalar<std::int64_t>("updates");
}

}  // namespace veer::offline

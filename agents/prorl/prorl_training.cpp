#include "agents/prorl/prorl_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "agents/generative/path_examples.h"
#include "agents/generative/training_identity.h"
#include "env/error.h"
#include "env/nn/hyper_parameters.h"
#include "env/random.h"
#include "env/runtime.h"
#include "env/store/checkpoint.h"

namespace veer::prorl {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

void check_training(const TrainingOptions& o, std::size_t training, std::size_t validation) {
  if (o.updates < 1) nn::reject_field("updates", std::to_string(o.updates), "1 or more");
  nn::require_range("prompts", o.prompts, 1, 1 << 16);
  if (o.evaluate_every < 1) nn::reject_field("evaluate_every", std::to_string(o.evaluate_every), "1 or more");
  nn::require_range("evaluation_prompts", o.evaluation_prompts, 1, 1 << 24);
  if (!(o.warm_up >= 0.0 && o.warm_up <= 1.0)) {
    nn::reject_field("warm_up", std::to_string(o.warm_up), "0 to 1");
  }
  if (!(o.update.adam.learning_rate > 0.0F)) {
    nn::reject_field("learning_rate", nn::decimal(o.update.adam.learning_rate), "more than 0");
  }
  if (training == 0 || validation == 0) {
    throw DataError(
        Where{{}, 0, training == 0 ? "training prompts" : "validation prompts"},
        Problem{"none", "at least one",
                "prompts are the histories before runs of items that share an attribute: the data set "
                "needs attributes, and people with longer logs"});
  }
}

std::string identity_of(const PathModel& start, std::span<const PathExample> training,
                        std::span<const PathExample> validation, const TrainingOptions& o) {
  const UpdateOptions& u = o.update;
  const auto word = [](const auto& words, auto value) { return words[at(static_cast<std::int64_t>(value))]; };
  std::string text = fmt::format("ProRL training\nseed {}\nupdates {} of {} x {}\ntargets {}\nestimator {}\n",
                                 o.seed, o.updates, o.prompts, u.rollouts.per_prompt,
                                 word(target_names, o.targets), word(estimator_names, u.estimator));
  if (u.estimator == Estimator::critic) {
    text += fmt::format("critic {} rate {} warm_up {}\n", u.critic.hidden, u.critic.learning_rate,
                        u.critic.warm_up);
  }
  text += fmt::format(
      "divergence {} {}\ndiscount {}\nrewards {} {} {} share {} shift {} least {} centred {} over {}\n",
      word(divergence_names, u.divergence), u.divergence_weight, u.discount, u.rewards.weights[0],
      u.rewards.weights[1], u.rewards.weights[2], u.rewards.acceptance_share, u.rewards.shift,
      u.rewards.least_deviation, u.rewards.centre, u.centring_updates);
  text += fmt::format("rules {} {} {} {} {} to {} items\ntop_k {} temperature {}\nmean_over_tokens {}\n",
                      u.rules.constrained, u.rules.allow_target, u.rules.allow_history, u.rules.allow_repeats,
                      u.rules.least_items, u.rules.most_items, u.rollouts.top_k, u.rollouts.temperature,
                      u.mean_over_tokens);
  text += fmt::format("learning_rate {} decay {} warm_up {} most_gradient {} shard {}\nevaluate {} x {}\n",
                      u.adam.learning_rate, u.adam.weight_decay, o.warm_up, u.most_gradient, u.shard_prompts,
                      o.evaluate_every, o.evaluation_prompts);
  // The examples may hold longer histories than the policy reads.
  text += fmt::format("most_history {}\n", start.most_history);
  return text + "reward model " + o.reward_model + "\nmaterial " +
         material_digest(start, training, validation) + "\n";
}

/// An item that is not in the history.
ItemId uniform_target(std::span<const ItemId> history, std::int32_t items, const StepKey& key) {
  for (std::uint32_t lane = 0; lane < 64; ++lane) {
    const auto item = static_cast<ItemId>(uniform_below(static_cast<std::uint32_t>(items), key,
                                                        Stream::begin_episode, lane)) +
                      1;
    if (std::find(history.begin(), history.end(), item) == history.end()) return item;
  }
  return 1;  // a history that holds nearly the whole catalogue
}

/// The first pass over the prompts, as published, where no number of updates is given.
UpdateOptions with_centring(const TrainingOptions& options, std::size_t prompts) {
  UpdateOptions update = options.update;
  const auto each = static_cast<std::size_t>(options.prompts);
  if (update.centring_updates == 0) {
    update.centring_updates = static_cast<std::int64_t>((prompts + each - 1) / each);
  }
  return update;
}

class Training {
 public:
  Training(const PathModel& start, const UserModel& users, std::span<const PathExample> training,
           std::span<const PathExample> validation, const TrainingOptions& options)
      : start_(start),
        training_(training),
        options_(options),
        learner_(start, users, with_centring(options, training.size())),
        identity_(identity_of(start, training, validation, options)) {
    lay_out_validation(validation);
  }

  TrainingResult run() {
    if (!options_.checkpoint.empty() && std::filesystem::exists(options_.checkpoint)) {
      restore(read_checkpoint(options_.checkpoint, identity_));
    }
    resumed_at_ = learner_.updates();
    if (evaluations_.empty()) evaluate();
    while (learner_.updates() < options_.updates) {
      if (interrupted()) {
        save();
        throw_training_interrupted(options_.checkpoint);
      }
      if (options_.checkpoint_seconds > 0.0 && seconds_since(saved_) >= options_.checkpoint_seconds) save();
      const std::int64_t update = learner_.updates();
      records_.push_back(learner_.update(prompts_of(update), rate(update)));
      report();
      const bool last = learner_.updates() == options_.updates;
      if (last || learner_.updates() % options_.evaluate_every == 0) evaluate();
      if (last) save();
    }
    const bool kept = !options_.keep_last && !best_.all().empty();
    return {kept ? PathModel{start_.ids, nn::Seq2SeqModel::from_arrays(start_.network.config(), best_, "cpu"),
                             start_.most_history}
                 : learner_.snapshot(),
            kept ? best_update_ : learner_.updates(), records_, evaluations_};
  }

 private:
  void lay_out_validation(std::span<const PathExample> validation) {
    const std::vector<std::int32_t> order = order_of_epoch(validation.size(), options_.seed, 0);
    const std::size_t count = std::min(validation.size(), at(options_.evaluation_prompts));
    for (std::size_t i = 0; i < count; ++i) {
      const PathExample& example = validation[at(order[i])];
      const StepKey key{options_.seed, at(order[i]), 0xFFFFFFFFU};
      validation_.push_back(
          {example.history, uniform_target(example.history, start_.items(), key), key, {}, 0, example.user});
    }
  }

  /// Prompts follow one another through shuffled passes over the training people's paths.
  std::vector<PathPrompt> prompts_of(std::int64_t update) {
    std::vector<PathPrompt> out;
    const auto size = static_cast<std::int64_t>(training_.size());
    for (std::int64_t i = update * options_.prompts; i < (update + 1) * options_.prompts; ++i) {
      const std::int64_t pass = i / size;
      if (pass != pass_) {
        order_ = order_of_epoch(training_.size(), options_.seed, static_cast<std::uint32_t>(pass) + 1);
        pass_ = pass;
      }
      const PathExample& example = training_[at(order_[at(i % size)])];
      const StepKey key{options_.seed, at(i), 0};
      const ItemId target = options_.targets == TrainingTargets::natural
                                ? example.target
                                : uniform_target(example.history, start_.items(), key);
      out.push_back({example.history, target, key, {}, 0, example.user});
    }
    return out;
  }

  float rate(std::int64_t update) const {
    const double warm = options_.warm_up * static_cast<double>(options_.updates);
    const double share = warm > 0.0 ? std::min(1.0, (static_cast<double>(update) + 1.0) / warm) : 1.0;
    return static_cast<float>(double{options_.update.adam.learning_rate} * share);
  }

  void evaluate() {
    UpdateStats stats = learner_.evaluate(validation_);
    const UpdateStats& start = evaluations_.empty() ? stats : evaluations_.front().stats;
    double gain = 0.0;
    for (std::size_t m = 0; m < metric_count; ++m) {
      const std::string name(metric_names[m]);
      const double deviation = start.at(name + "_deviation");
      if (deviation > 0.0) {
        const CentringOptions& rewards = options_.update.rewards;
        const bool acceptance = static_cast<Metric>(m) == Metric::acceptance;
        gain += rewards.weights[m] * (acceptance ? rewards.acceptance_share : 1.0) *
                (stats.at(name) - start.at(name)) / deviation;
      }
    }
    stats["gain"] = gain;
    evaluations_.push_back({learner_.updates(), std::move(stats)});
    if (best_.all().empty() || gain > best_gain_) {
      best_ = learner_.snapshot().network.to_arrays();
      best_gain_ = gain;
      best_update_ = learner_.updates();
    }
  }

  void report() const {
    if (!options_.progress) return;
    TrainingProgress p;
    p.update = learner_.updates();
    p.updates = options_.updates;
    p.stats = records_.back();
    p.best = best_gain_;
    p.seconds = seconds_since(begun_);
    p.seconds_left =
        p.seconds / static_cast<double>(p.update - resumed_at_) * static_cast<double>(p.updates - p.update);
    options_.progress(p);
  }

  static void put(NamedArrays& state, const std::string& name, const std::vector<UpdateStats>& records) {
    state.set_scalar<std::int64_t>(name + "/count", static_cast<std::int64_t>(records.size()));
    if (records.empty()) return;
    for (const auto& entry : records.front()) {
      std::vector<double> column;
      for (const UpdateStats& record : records) column.push_back(record.at(entry.first));
      state.set<double>(name + "/column/" + entry.first, column);
    }
  }
  static std::vector<UpdateStats> take(const NamedArrays& state, const std::string& name) {
    std::vector<UpdateStats> records(at(state.scalar<std::int64_t>(name + "/count")));
    const NamedArrays columns = state.group(name + "/column");
    for (const auto& entry : columns.all()) {
      const auto values = columns.get<double>(entry.first);
      for (std::size_t i = 0; i < std::min(records.size(), values.size()); ++i) {
        records[i][entry.first] = values[i];
      }
    }
    return records;
  }

  void save() {
    saved_ = Clock::now();
    if (options_.checkpoint.empty()) return;
    NamedArrays state;
    state.set_text("identity", identity_);
    state.put_group("learner", learner_.state());
    if (!best_.all().empty()) state.put_group("best", best_);
    state.set_scalar<double>("best_gain", best_gain_);
    state.set_scalar<std::int64_t>("best_update", best_update_);
    put(state, "updates", records_);
    std::vector<UpdateStats> evaluated;
    std::vector<std::int64_t> when;
    for (const Evaluation& e : evaluations_) {
      evaluated.push_back(e.stats);
      when.push_back(e.update);
    }
    put(state, "evaluations", evaluated);
    state.set<std::int64_t>("evaluated_at", when);
    write_checkpoint(options_.checkpoint, state);
  }

  void restore(const NamedArrays& state) {
    learner_.restore(state.group("learner"));
    best_ = state.group("best");
    best_gain_ = state.scalar<double>("best_gain");
    best_update_ = state.scalar<std::int64_t>("best_update");
    records_ = take(state, "updates");
    const std::vector<UpdateStats> evaluated = take(state, "evaluations");
    const auto when = state.get<std::int64_t>("evaluated_at");
    for (std::size_t i = 0; i < std::min(evaluated.size(), when.size()); ++i) {
      evaluations_.push_back({when[i], evaluated[i]});
    }
  }

  const PathModel& start_;
  const std::span<const PathExample> training_;
  const TrainingOptions& options_;
  ProRlUpdate learner_;
  const std::string identity_;

  std::vector<PathPrompt> validation_;
  std::vector<std::int32_t> order_;
  std::int64_t pass_ = -1;
  std::vector<UpdateStats> records_;
  std::vector<Evaluation> evaluations_;
  NamedArrays best_;
  double best_gain_ = 0.0;
  std::int64_t best_update_ = 0, resumed_at_ = 0;
  const Clock::time_point begun_ = Clock::now();
  Clock::time_point saved_ = begun_;
};

}  // namespace

TrainingResult train_prorl(const PathModel& start, const UserModel& users,
                           std::span<const PathExample> training, std::span<const PathExample> validation,
                           const TrainingOptions& options) {
  check_training(options, training.size(), validation.size());
  return Training(start, users, training, validation, options).run();
}

}  // namespace veer::prorl

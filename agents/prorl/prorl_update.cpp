#include "agents/prorl/prorl_update.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include "agents/generative/step_rewards.h"
#include "agents/prorl/policy_gradient_net.h"
#include "env/error.h"
#include "env/nn/hyper_parameters.h"
#include "env/runtime.h"

namespace veer::prorl {
namespace {

void check_options(const PathModel& start, const UserModel& users, const UpdateOptions& o) {
  if (users.spec().items != start.items()) {
    throw ConfigError(Where{{}, 0, "users"},
                      Problem{"a user model of " + std::to_string(users.spec().items) + " items",
                              std::to_string(start.items()), "both must be of one data set"});
  }
  nn::require_range("rollouts", o.rollouts.per_prompt, 1, 1 << 12);
  nn::require_range("shard_prompts", o.shard_prompts, 1, 1 << 12);
  if (!(o.discount >= 0.0 && o.discount <= 1.0)) {
    nn::reject_field("discount", std::to_string(o.discount), "0 to 1");
  }
  if (!(o.divergence_weight >= 0.0 && std::isfinite(o.divergence_weight))) {
    nn::reject_field("divergence_weight", std::to_string(o.divergence_weight), "0 or more");
  }
  if (o.centring_updates < 0) {
    nn::reject_field("centring_updates", std::to_string(o.centring_updates), "0 or more");
  }
  if (o.rollouts.per_prompt < 2 &&
      (o.estimator == Estimator::position || o.estimator == Estimator::leave_one_out ||
       o.estimator == Estimator::group)) {
    nn::reject_field("rollouts", "1", "2 or more: this estimator compares the rollouts of a prompt");
  }
}

/// What the paths are worth, for progress lines and tables.
UpdateStats describe_paths(const WrittenPaths& paths, const StepRewards& steps,
                           std::span<const float> rewards) {
  UpdateStats stats;
  double interest = 0.0, rank = 0.0, acceptance = 0.0, reward = 0.0, length = 0.0;
  std::int64_t shown = 0, invalid = 0, empty = 0, ended = 0;
  for (std::int32_t r = 0; r < paths.rows(); ++r) {
    for (std::int32_t k = 0; k < paths.length[at(r)]; ++k) {
      const std::size_t i = steps.place(r, k);
      interest += double{steps.raw[0][i]};
      rank += double{steps.raw[1][i]};
      reward += double{rewards[i]};
      if (steps.kind[i] == StepKind::invalid) {
        ++invalid;
      } else {
        acceptance += double{steps.raw[2][i]};
        ++shown;
      }
    }
    length += static_cast<double>(paths.length[at(r)]);
    empty += paths.length[at(r)] == 0 ? 1 : 0;
    ended += paths.ended[at(r)];
  }
  const auto rows = static_cast<double>(std::max(1, paths.rows()));
  stats["interest"] = interest / rows;
  stats["rank"] = rank / rows;
  stats["acceptance"] = acceptance / static_cast<double>(std::max<std::int64_t>(1, shown));
  stats["reward"] = reward / rows;
  stats["length"] = length / rows;
  stats["ended"] = static_cast<double>(ended) / rows;
  stats["invalid"] = static_cast<double>(invalid) / std::max(1.0, length);
  stats["empty"] = static_cast<double>(empty) / rows;
  return stats;
}

}  // namespace

namespace {

/// The choice that a token belongs to, as a place in [rows, most_items + 1].
struct TokenChoice {
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  std::size_t place = none;
  bool first = false;  ///< the choice's first token
};

/// Tokens of a tuple that was cut off by the end belong to no choice that was carried out.
void append_choices(const WrittenPaths& paths, std::int32_t row, std::int32_t digits,
                    std::vector<TokenChoice>& choices) {
  const auto tokens = static_cast<std::int32_t>(paths.tokens_of(row).size());
  const std::int32_t length = paths.length[at(row)];
  for (std::int32_t t = 0; t < tokens; ++t) {
    const std::int32_t position = t / digits;
    const bool cut = position == length && !(paths.ended[at(row)] != 0 && t + 1 == tokens);
    if (cut) {
      choices.push_back({});
    } else {
      choices.push_back({at(row) * (at(paths.most_items) + 1) + at(position), t % digits == 0});
    }
  }
}

/// What the decoder knows before every choice that was made.
struct ChoiceStates {
  std::vector<float> values;       ///< [choices, width]
  std::vector<std::size_t> place;  ///< [choices] in [rows, most_items + 1]
};

}  // namespace

struct ProRlUpdate::Impl {
  PathModel start;
  const UserModel& users;
  UpdateOptions options;
  PathGrammar grammar;
  RewardCentring centring;
  nn::FlatParameters parameters;
  nn::NetworkParameters reference;  ///< the weights that training started with
  std::optional<Critic> critic;     ///< Estimator::critic only
  std::int64_t updates = 0;

  PathModel snapshot() const {
    return {start.ids, nn::Seq2SeqModel::from_arrays(start.network.config(), parameters.values(), "cpu"),
            start.most_history};
  }
  nn::Seq2SeqNet reference_net() const { return {reference, start.network.config()}; }
  std::size_t shards(std::span<const PathPrompt> prompts) const {
    return (prompts.size() + at(options.shard_prompts) - 1) / at(options.shard_prompts);
  }
  ForcedPaths forced_shard(std::span<const PathPrompt> prompts, const WrittenPaths& paths, std::size_t shard,
                           std::vector<TokenChoice>& choices) const;
  ChoiceStates choice_states(std::span<const PathPrompt> prompts, const WrittenPaths& paths) const;
  Advantages judge(std::span<const PathPrompt> prompts, const WrittenPaths& paths, PathRewards given,
                   UpdateStats& stats);
  void learn(std::span<const PathPrompt> prompts, const WrittenPaths& paths, const Advantages& advantages,
             float learning_rate, UpdateStats& stats);
};

/// The rollouts of one shard's prompts that hold an item, after those prompts; `choices` tells of each token.
ForcedPaths ProRlUpdate::Impl::forced_shard(std::span<const PathPrompt> prompts, const WrittenPaths& paths,
                                            std::size_t shard, std::vector<TokenChoice>& choices) const {
  const std::size_t each = at(options.shard_prompts);
  ForcedPaths rows(start.prompt_width());
  for (std::size_t p = shard * each; p < std::min((shard + 1) * each, prompts.size()); ++p) {
    const PathPrompt& prompt = prompts[p];
    rows.add_prompt(prompt_tokens(*start.ids, prompt.history, prompt.target, start.most_history));
    for (std::int32_t m = 0; m < paths.per_prompt; ++m) {
      const std::int32_t row = static_cast<std::int32_t>(p) * paths.per_prompt + m;
      if (paths.length[at(row)] == 0) continue;
      rows.add_path(paths.tokens_of(row), grammar.begin(prompt.history, prompt.target),
                    grammar.layout().digits);
      append_choices(paths, row, grammar.layout().digits, choices);
    }
  }
  rows.close();
  return rows;
}

/// What the decoder knows before every choice.
ChoiceStates ProRlUpdate::Impl::choice_states(std::span<const PathPrompt> prompts,
                                              const WrittenPaths& paths) const {
  std::vector<ChoiceStates> found(shards(prompts));
  parallel_for(static_cast<std::int64_t>(found.size()), [&](std::int64_t s) {
    torch::NoGradGuard guard;
    std::vector<TokenChoice> choices;
    const ForcedPaths rows = forced_shard(prompts, paths, at(s), choices);
    if (rows.rows.prompt.empty()) return;
    const nn::Seq2SeqNet net{parameters.aliases(), start.network.config()};
    nn::DropoutMasks none(nullptr, net.device);
    const torch::Tensor read =
        nn::decode_rows(net, nn::encode_prompts(net, rows.prompts, none), rows.prompts, rows.rows, none)
            .contiguous();
    const auto width = at(read.size(1));
    for (std::size_t t = 0; t < choices.size(); ++t) {
      if (!choices[t].first) continue;
      const float* state = read.data_ptr<float>() + t * width;
      found[at(s)].values.insert(found[at(s)].values.end(), state, state + width);
      found[at(s)].place.push_back(choices[t].place);
    }
  });
  ChoiceStates all;
  for (const ChoiceStates& part : found) {
    all.values.insert(all.values.end(), part.values.begin(), part.values.end());
    all.place.insert(all.place.end(), part.place.begin(), part.place.end());
  }
  return all;
}

/// Advantages; with a critic, it says what was expected and then learns what came.
Advantages ProRlUpdate::Impl::judge(std::span<const PathPrompt> prompts, const WrittenPaths& paths,
                                    PathRewards given, UpdateStats& stats) {
  if (!critic) return estimate_advantages(given, options.estimator);
  const ChoiceStates states = choice_states(prompts, paths);
  const std::vector<float> values = critic->values(states.values);
  std::vector<float> expected(at(paths.rows()) * (at(paths.most_items) + 1), 0.0F);
  for (std::size_t i = 0; i < values.size(); ++i) expected[states.place[i]] = values[i];
  given.expected = expected;
  const Advantages advantages = estimate_advantages(given, options.estimator);
  std::vector<float> returns;
  for (const std::size_t place : states.place) returns.push_back(advantages.returns[place]);
  stats["critic_error"] = critic->learn(states.values, returns);
  return advantages;
}

void ProRlUpdate::Impl::learn(std::span<const PathPrompt> prompts, const WrittenPaths& paths,
                              const Advantages& advantages, float learning_rate, UpdateStats& stats) {
  const auto taught =
      std::count_if(paths.length.begin(), paths.length.end(), [](std::int32_t length) { return length > 0; });
  const auto rollouts = static_cast<double>(std::max<std::ptrdiff_t>(1, taught));
  std::vector<ObjectiveSums> sums(shards(prompts));
  const nn::Seq2SeqNet before = reference_net();
  parameters.accumulate(sums.size(), [&](std::size_t s, nn::FlatParameters::Gradient& gradient) {
    std::vector<TokenChoice> choices;
    const ForcedPaths rows = forced_shard(prompts, paths, s, choices);
    if (rows.rows.prompt.empty()) {
      gradient.set(std::vector<torch::Tensor>(reference.parameters.size()));
      return 0.0;
    }
    // The tokens of a tuple that was cut off earn nothing: their credit cancels the log-ratio.
    const float cut =
        options.divergence == Divergence::log_ratio ? static_cast<float>(options.divergence_weight) : 0.0F;
    std::vector<float> credit;
    for (const TokenChoice& choice : choices) {
      credit.push_back(choice.place == TokenChoice::none ? cut : advantages.values[choice.place]);
    }
    const nn::Seq2SeqNet net{parameters.aliases(), start.network.config()};
    sums[s] = objective_gradient(net, &before, grammar, rows, credit, rollouts, options, gradient);
    return sums[s].loss;
  });
  ObjectiveSums all;
  for (const ObjectiveSums& part : sums) {
    all.loss += part.loss;
    all.divergence += part.divergence;
    all.entropy += part.entropy;
    all.tokens += part.tokens;
  }
  const double norm = parameters.gradient_norm();
  if (!std::isfinite(norm)) {
    throw Error(ExitCode::failure, describe(Where{{}, 0, "update " + std::to_string(updates + 1)},
                                            Problem{"a gradient that is no finite number", "a finite one",
                                                    "training diverged: use a smaller --learning-rate"}));
  }
  nn::AdamOptions adam = options.adam;
  adam.learning_rate = learning_rate;
  parameters.update(adam,
                    norm > options.most_gradient ? static_cast<float>(options.most_gradient / norm) : 1.0F);
  const auto tokens = static_cast<double>(std::max<std::int64_t>(1, all.tokens));
  stats["loss"] = all.loss / rollouts;
  stats["divergence"] = all.divergence / tokens;
  stats["entropy"] = all.entropy / tokens;
  stats["gradient"] = norm;
}

ProRlUpdate::ProRlUpdate(const PathModel& start, const UserModel& users, const UpdateOptions& options)
    : impl_((check_options(start, users, options),
             new Impl{
                 start,
                 users,
                 options,
                 PathGrammar(start.ids, options.rules),
                 RewardCentring(options.rewards),
                 nn::FlatParameters(nn::parameter_layout(start.network.config()), start.network.to_arrays()),
                 nn::stored_parameters(nn::parameter_layout(start.network.config()),
                                       start.network.to_arrays(), "cpu", "seq2seq"),
                 {}})) {
  if (options.estimator == Estimator::critic) {
    impl_->critic.emplace(start.network.config().width, options.critic);
  }
}
ProRlUpdate::~ProRlUpdate() = default;

UpdateStats ProRlUpdate::update(std::span<const PathPrompt> prompts, float learning_rate) {
  Impl& my = *impl_;
  const WrittenPaths paths =
      PathWriter(my.snapshot(), my.options.rules).write_parallel(prompts, my.options.rollouts);
  const StepRewards steps = measure_steps(my.users, prompts, paths);
  const bool learns = my.options.centring_updates == 0 || my.updates < my.options.centring_updates;
  if (learns) my.centring.learn(steps);
  const std::vector<float> rewards = my.centring.fuse(steps);
  PathRewards given;
  given.group = paths.per_prompt;
  given.width = paths.most_items;
  given.rewards = rewards;
  given.length = paths.length;
  given.ended = paths.ended;
  given.discount = my.options.discount;
  UpdateStats stats = describe_paths(paths, steps, rewards);
  const Advantages advantages = my.judge(prompts, paths, given, stats);
  stats["advantage_variance"] = advantages.variance;
  stats["alone"] = static_cast<double>(advantages.alone) / static_cast<double>(paths.rows());
  if (my.critic && my.updates < my.options.critic.warm_up) {
    for (const char* figure : {"loss", "divergence", "entropy", "gradient"}) stats[figure] = 0.0;
  } else {
    my.learn(prompts, paths, advantages, learning_rate, stats);
  }
  ++my.updates;
  return stats;
}

UpdateStats ProRlUpdate::evaluate(std::span<const PathPrompt> prompts) const {
  const WrittenPaths paths = PathWriter(impl_->snapshot(), impl_->options.rules)
                                 .write_parallel(prompts, {.per_prompt = 1, .mode = Mode::greedy}, 64);
  const StepRewards steps = measure_steps(impl_->users, prompts, paths);
  std::array<double, metric_count> sum{}, squares{};
  double length = 0.0;
  for (std::int32_t r = 0; r < paths.rows(); ++r) {
    std::array<double, metric_count> value{};
    for (std::int32_t k = 0; k < paths.length[at(r)]; ++k) {
      for (std::size_t m = 0; m < metric_count; ++m) value[m] += double{steps.raw[m][steps.place(r, k)]};
    }
    value[2] /= std::max(1, paths.length[at(r)]);
    for (std::size_t m = 0; m < metric_count; ++m) {
      sum[m] += value[m];
      squares[m] += value[m] * value[m];
    }
    length += static_cast<double>(paths.length[at(r)]);
  }
  UpdateStats stats;
  const auto rows = static_cast<double>(std::max(1, paths.rows()));
  for (std::size_t m = 0; m < metric_count; ++m) {
    const std::string name(metric_names[m]);
    stats[name] = sum[m] / rows;
    stats[name + "_deviation"] = std::sqrt(std::max(0.0, squares[m] / rows - stats[name] * stats[name]));
  }
  stats["length"] = length / rows;
  return stats;
}

PathModel ProRlUpdate::snapshot() const { return impl_->snapshot(); }
std::int64_t ProRlUpdate::updates() const noexcept { return impl_->updates; }

NamedArrays ProRlUpdate::state() const {
  NamedArrays state;
  state.put_group("weights", impl_->parameters.state());
  NamedArrays centring;
  impl_->centring.save(centring);
  state.put_group("centring", centring);
  if (impl_->critic) state.put_group("critic", impl_->critic->state());
  state.set_scalar<std::int64_t>("updates", impl_->updates);
  return state;
}

void ProRlUpdate::restore(const NamedArrays& state) {
  impl_->parameters.restore(state.group("weights"));
  impl_->centring.restore(state.group("centring"));
  if (impl_->critic) impl_->critic->restore(state.group("critic"));
  impl_->updates = state.scalar<std::int64_t>("updates");
}

}  // namespace veer::prorl

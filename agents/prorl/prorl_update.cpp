#include "agents/prorl/prorl_update.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "agents/generative/step_rewards.h"
#include "agents/prorl/policy_gradient_net.h"
#include "env/error.h"
#include "env/nn/hyper_parameters.h"

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
  if (o.estimator == Estimator::critic) {
    nn::reject_field("estimator", "critic", "one that needs no critic");
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

struct ProRlUpdate::Impl {
  PathModel start;
  const UserModel& users;
  UpdateOptions options;
  PathGrammar grammar;
  RewardCentring centring;
  nn::FlatParameters parameters;
  nn::NetworkParameters reference;  ///< the weights that training started with
  std::int64_t updates = 0;

  PathModel snapshot() const {
    return {start.ids, nn::Seq2SeqModel::from_arrays(start.network.config(), parameters.values(), "cpu"),
            start.most_history};
  }
  nn::Seq2SeqNet reference_net() const { return {reference, start.network.config()}; }
  void learn(std::span<const PathPrompt> prompts, const WrittenPaths& paths, const Advantages& advantages,
             float learning_rate, UpdateStats& stats);
};

namespace {

/// The advantage of the choice that each token belongs to.
void append_credit(const WrittenPaths& paths, std::int32_t row, const Advantages& advantages,
                   std::int32_t digits, std::vector<float>& credit) {
  const std::size_t columns = at(paths.most_items) + 1;
  const auto tokens = static_cast<std::int32_t>(paths.tokens_of(row).size());
  const std::int32_t length = paths.length[at(row)];
  for (std::int32_t t = 0; t < tokens; ++t) {
    const std::int32_t position = t / digits;
    // Tokens of a tuple that was cut off by the end belong to no choice that was carried out.
    const bool cut = position == length && !(paths.ended[at(row)] != 0 && t + 1 == tokens);
    credit.push_back(cut ? 0.0F
                         : advantages.values[at(row) * columns + at(position == length ? length : position)]);
  }
}

}  // namespace

void ProRlUpdate::Impl::learn(std::span<const PathPrompt> prompts, const WrittenPaths& paths,
                              const Advantages& advantages, float learning_rate, UpdateStats& stats) {
  const std::size_t each = at(options.shard_prompts);
  const std::size_t shards = (prompts.size() + each - 1) / each;
  const auto taught =
      std::count_if(paths.length.begin(), paths.length.end(), [](std::int32_t length) { return length > 0; });
  const auto rollouts = static_cast<double>(std::max<std::ptrdiff_t>(1, taught));
  std::vector<ObjectiveSums> sums(shards);
  const nn::Seq2SeqNet before = reference_net();
  parameters.accumulate(shards, [&](std::size_t s, nn::FlatParameters::Gradient& gradient) {
    ForcedPaths rows(start.prompt_width());
    std::vector<float> credit;
    for (std::size_t p = s * each; p < std::min((s + 1) * each, prompts.size()); ++p) {
      const PathPrompt& prompt = prompts[p];
      rows.add_prompt(prompt_tokens(*start.ids, prompt.history, prompt.target, start.most_history));
      for (std::int32_t m = 0; m < paths.per_prompt; ++m) {
        const std::int32_t row = static_cast<std::int32_t>(p) * paths.per_prompt + m;
        if (paths.length[at(row)] == 0) continue;
        rows.add_path(paths.tokens_of(row), grammar.begin(prompt.history, prompt.target),
                      grammar.layout().digits);
        append_credit(paths, row, advantages, grammar.layout().digits, credit);
      }
    }
    rows.close();
    if (rows.rows.prompt.empty()) {
      gradient.set(std::vector<torch::Tensor>(reference.parameters.size()));
      return 0.0;
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
    : impl_(
          (check_options(start, users, options),
           new Impl{
               start, users, options, PathGrammar(start.ids, options.rules), RewardCentring(options.rewards),
               nn::FlatParameters(nn::parameter_layout(start.network.config()), start.network.to_arrays()),
               nn::stored_parameters(nn::parameter_layout(start.network.config()), start.network.to_arrays(),
                                     "cpu", "seq2seq")})) {}
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
  const Advantages advantages = estimate_advantages(given, my.options.estimator);
  UpdateStats stats = describe_paths(paths, steps, rewards);
  stats["advantage_variance"] = advantages.variance;
  stats["alone"] = static_cast<double>(advantages.alone) / static_cast<double>(paths.rows());
  my.learn(prompts, paths, advantages, learning_rate, stats);
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
  state.set_scalar<std::int64_t>("updates", impl_->updates);
  return state;
}

void ProRlUpdate::restore(const NamedArrays& state) {
  impl_->parameters.restore(state.group("weights"));
  impl_->centring.restore(state.group("centring"));
  impl_->updates = state.scalar<std::int64_t>("updates");
}

}  // namespace veer::prorl

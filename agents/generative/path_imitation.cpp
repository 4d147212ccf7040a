#include "agents/generative/path_imitation.h"

#include <torch/autograd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "agents/generative/path_likelihood_net.h"
#include "env/error.h"
#include "env/nn/training/flat_parameters_net.h"
#include "env/runtime.h"

namespace veer {
namespace {

/// Logged paths may show whatever people took, and may end where they ended.
PathRules rules_of(const ImitationOptions& options) {
  PathRules rules;
  rules.constrained = !options.unconstrained;
  rules.most_items = options.most_items;
  rules.allow_history = rules.allow_repeats = rules.allow_target = true;
  return rules;
}

std::vector<std::int32_t> label_tokens(const nn::SemanticIds& ids, std::span<const ItemId> path,
                                       std::int32_t most_items) {
  std::vector<std::int32_t> tokens;
  for (const ItemId item : path) {
    const auto own = ids.tokens(item);
    tokens.insert(tokens.end(), own.begin(), own.end());
  }
  if (static_cast<std::int32_t>(path.size()) < most_items) tokens.push_back(ids.layout().end());
  return tokens;
}

ForcedPaths forced(const PathModel& model, const PathGrammar& grammar,
                   std::span<const PathExample> examples) {
  ForcedPaths out(model.prompt_width());
  for (const PathExample& example : examples) {
    out.add_prompt(prompt_tokens(*model.ids, example.history, example.target, model.most_history));
    const auto path = example.path.first(std::min(example.path.size(), at(grammar.rules().most_items)));
    out.add_path(label_tokens(*model.ids, path, grammar.rules().most_items),
                 grammar.begin(example.history, example.target), grammar.layout().digits);
  }
  out.close();
  return out;
}

std::int64_t tokens_in(const nn::SemanticIds& ids, std::span<const PathExample> examples,
                       std::int32_t most_items) {
  std::int64_t count = 0;
  for (const PathExample& example : examples) {
    const std::int32_t items = std::min(static_cast<std::int32_t>(example.path.size()), most_items);
    count += items * ids.layout().digits + (items < most_items ? 1 : 0);
  }
  return count;
}

torch::Tensor loss_of(const nn::Seq2SeqNet& net, const PathGrammar& grammar, const ForcedPaths& paths,
                      nn::DropoutMasks& dropout) {
  torch::Tensor loss = torch::zeros({}, torch::dtype(torch::kFloat32).device(net.device));
  for (const TokenGroup& group : forced_log_probabilities(net, grammar, paths, dropout)) {
    loss = loss - group.chosen.sum();
  }
  return loss;
}

}  // namespace

struct PathImitation::Impl {
  PathModel start;
  std::uint64_t seed;
  ImitationOptions options;
  PathGrammar grammar;
  nn::FlatParameters parameters;
};

PathImitation::PathImitation(const PathModel& start, std::uint64_t seed, const ImitationOptions& options)
    : impl_(new Impl{
          start, seed, options, PathGrammar(start.ids, rules_of(options)),
          nn::FlatParameters(nn::parameter_layout(start.network.config()), start.network.to_arrays())}) {}
PathImitation::~PathImitation() = default;
PathImitation::PathImitation(PathImitation&&) noexcept = default;

double PathImitation::step(std::span<const PathExample> examples, std::uint64_t first_example,
                           std::uint32_t epoch, float learning_rate) {
  Impl& my = *impl_;
  const std::size_t each = at(my.options.shard_examples);
  const std::size_t shards = (examples.size() + each - 1) / each;
  const auto tokens = static_cast<double>(tokens_in(*my.start.ids, examples, my.options.most_items));
  const double loss =
      my.parameters.accumulate(shards, [&](std::size_t s, nn::FlatParameters::Gradient& gradient) {
        const nn::Seq2SeqNet net{my.parameters.aliases(), my.start.network.config()};
        const std::size_t first = s * each;
        const ForcedPaths paths =
            forced(my.start, my.grammar, examples.subspan(first, std::min(each, examples.size() - first)));
        const nn::DropoutKey key{my.seed, first_example + first, epoch};
        nn::DropoutMasks masks(&key, net.device);
        const torch::Tensor sum = loss_of(net, my.grammar, paths, masks);
        std::vector<torch::Tensor> inputs;
        for (const auto& [name, parameter] : net.parameters) inputs.push_back(parameter);
        gradient.set(torch::autograd::grad({sum / tokens}, inputs, {}, {}, false, true));
        return sum.item<double>();
      });
  nn::AdamOptions adam = my.options.adam;
  adam.learning_rate = learning_rate;
  const double norm = my.parameters.gradient_norm();
  if (!std::isfinite(norm)) return std::numeric_limits<double>::quiet_NaN();  // the weights stay sound
  my.parameters.update(
      adam, norm > my.options.most_gradient ? static_cast<float>(my.options.most_gradient / norm) : 1.0F);
  return loss / tokens;
}

PathModel PathImitation::snapshot() const {
  return {impl_->start.ids,
          nn::Seq2SeqModel::from_arrays(impl_->start.network.config(), impl_->parameters.values(), "cpu"),
          impl_->start.most_history};
}

NamedArrays PathImitation::state() const { return impl_->parameters.state(); }
void PathImitation::restore(const NamedArrays& state) { impl_->parameters.restore(state); }

double imitation_loss(const PathModel& model, std::span<const PathExample> examples,
                      const ImitationOptions& options) {
  const PathGrammar grammar(model.ids, rules_of(options));
  const std::size_t each = at(options.shard_examples);
  std::vector<double> losses((examples.size() + each - 1) / each);
  parallel_for(static_cast<std::int64_t>(losses.size()), [&](std::int64_t s) {
    torch::InferenceMode guard;
    const std::size_t first = at(s) * each;
    nn::DropoutMasks none(nullptr, model.network.device());
    losses[at(s)] =
        loss_of(model.network.net(), grammar,
                forced(model, grammar, examples.subspan(first, std::min(each, examples.size() - first))),
                none)
            .item<double>();
  });
  double sum = 0.0;
  for (const double loss : losses) sum += loss;
  return sum /
         static_cast<double>(std::max<std::int64_t>(1, tokens_in(*model.ids, examples, options.most_items)));
}

}  // namespace veer

#include "agents/offline/offline_model.h"

#include <algorithm>
#include <limits>

#include "agents/offline/prompt_block_net.h"
#include "agents/offline/returns.h"
#include "agents/offline/trainable_network_net.h"
#include "env/error.h"
#include "env/nn/catalogue_training/allowed_items.h"
#include "env/nn/catalogue_training/catalogue_head.h"
#include "env/nn/kernels/score_kernels.h"
#include "env/runtime.h"

namespace veer::offline {

struct OfflineModel::Weights {
  nn::StateEncoderConfig encoder;
  std::int32_t items = 0;
  nn::NetworkParameters network;
  std::vector<float> item_vectors;   ///< [items + 1, width], padding first
  std::vector<float> head_vectors;   ///< [items, output width]
  std::vector<float> head_bias;      ///< [items]
  std::vector<float> value_vectors;  ///< the same of BCQ's values; empty for others
  std::vector<float> value_bias;
  std::vector<float> mean_returns;

  std::int32_t width() const noexcept { return encoder.output_width(); }
  nn::CatalogueWeights table() const {
    return {no_item, View<const float>(item_vectors.data(), items + 1, encoder.width), {}};
  }
  nn::CatalogueWeights head() const {
    return {1, View<const float>(head_vectors.data(), items, width()), head_bias};
  }
  nn::ImitatedValues both(float threshold) const {
    return {head(), {1, View<const float>(value_vectors.data(), items, width()), value_bias}, threshold};
  }
};

namespace {

/// The values of one array of a shape. Throws FormatError.
std::vector<float> stored(const NamedArrays& arrays, const std::string& name,
                          const std::vector<std::int64_t>& shape) {
  const auto values = arrays.get<float>(name);
  if (arrays.at(name).shape != shape) {
    throw FormatError(Where{{}, 0, name}, Problem{"another shape", "one for this catalogue and width",
                                                  "the file is of another model"});
  }
  return {values.begin(), values.end()};
}

}  // namespace

OfflineModel OfflineModel::from_arrays(const AgentOptions& options, std::int32_t items,
                                       const NamedArrays& arrays, std::vector<float> mean_returns) {
  check_options(options);
  nn::require_range("items", items, 1, std::numeric_limits<ItemId>::max() - 1);
  auto weights = std::make_shared<Weights>();
  weights->encoder = options.encoder;
  weights->items = items;
  weights->network =
      nn::stored_parameters(network_layout(options), arrays.group("network"), "cpu", "offline agent");
  weights->item_vectors = stored(arrays, "items/weight", {items + 1, options.encoder.width});
  weights->head_vectors = stored(arrays, "head/weight", {items, weights->width()});
  weights->head_bias = stored(arrays, "head/bias", {items});
  if (options.bars_items()) {
    weights->value_vectors = stored(arrays, "values/weight", {items, weights->width()});
    weights->value_bias = stored(arrays, "values/bias", {items});
  }
  if (options.has_prompt() && mean_returns.size() != at(prompt_steps)) {
    throw FormatError(Where{{}, 0, "mean_returns"}, Problem{std::to_string(mean_returns.size()) + " values",
                                                            std::to_string(prompt_steps), ""});
  }
  weights->mean_returns = std::move(mean_returns);
  return OfflineModel(options, std::move(weights));
}

NamedArrays OfflineModel::to_arrays() const {
  const Weights& w = *weights_;
  NamedArrays out;
  out.put_group("network", w.network.to_arrays());
  out.set<float>("items/weight", w.item_vectors, {w.items + 1, w.encoder.width});
  out.set<float>("head/weight", w.head_vectors, {w.items, w.width()});
  out.set<float>("head/bias", w.head_bias);
  if (options_.bars_items()) {
    out.set<float>("values/weight", w.value_vectors, {w.items, w.width()});
    out.set<float>("values/bias", w.value_bias);
  }
  return out;
}

OfflineModel OfflineModel::wanting(float wanted, float deviation) const {
  if (!options_.has_prompt()) {
    nn::reject_field("wanted",
                     "an agent " + std::string(agent_names[static_cast<std::size_t>(options_.kind)]),
                     "one that has a prompt: prl");
  }
  OfflineModel out = *this;
  out.options_.prompt.wanted = wanted;
  out.options_.prompt.deviation = deviation;
  check_options(out.options_);
  return out;
}
std::int32_t OfflineModel::items() const noexcept { return weights_->items; }
std::int64_t OfflineModel::parameters() const noexcept { return parameter_count(options_, weights_->items); }
std::span<const float> OfflineModel::mean_returns() const noexcept { return weights_->mean_returns; }
std::int32_t OfflineModel::width() const noexcept { return weights_->width(); }

void OfflineModel::read(const nn::StateBatch& states, std::span<const float> ratio,
                        std::span<const std::int32_t> step, View<float> out) const {
  const Weights& w = *weights_;
  Prompts prompts;
  if (options_.has_prompt()) {
    prompts.ratio.assign(ratio.begin(), ratio.end());
    for (const std::int32_t each : step) prompts.step.push_back(prompt_step(each));
  }
  nn::encode_states(w.encoder, w.network, w.table(), prompt_read_out(options_, prompts), states, out);
}

void OfflineModel::ranks(View<const float> read, std::span<const ItemId> targets,
                         std::span<std::int32_t> out) const {
  if (options_.bars_items()) {
    return nn::allowed_target_ranks(weights_->both(options_.imitation_threshold), read, targets, out);
  }
  nn::target_ranks(weights_->head(), read, targets, out);
}

void OfflineModel::scores_of(View<const float> read, View<const ItemId> items, View<float> out) const {
  if (!options_.bars_items()) return nn::scores_of(weights_->head(), read, items, out);
  parallel_for(read.rows(), [&](std::int64_t r) {
    const auto row = static_cast<std::int32_t>(r);
    std::vector<float> all(at(weights_->items));
    scores(read.row(row), all);
    for (std::int32_t j = 0; j < items.width(); ++j) out(row, j) = all[at(items(row, j)) - 1];
  });
}

void OfflineModel::scores(std::span<const float> read, std::span<float> out) const {
  const Weights& w = *weights_;
  if (options_.bars_items()) return nn::allowed_scores(w.both(options_.imitation_threshold), read, out);
  for (std::int32_t i = 0; i < w.items; ++i) {
    const float* vector = w.head_vectors.data() + at(i) * read.size();
    out[at(i)] = w.head_bias[at(i)] + nn::dot(vector, read.data(), w.width());
  }
}

std::int64_t parameter_count(const AgentOptions& options, std::int32_t items) {
  return nn::total_size(network_layout(options)) + (std::int64_t{items} + 1) * options.encoder.width +
         (options.bars_items() ? 2 : 1) * std::int64_t{items} * (options.encoder.output_width() + 1);
}

}  // namespace veer::offline

#include "agents/offline/trainable_network_net.h"

namespace veer::offline {
namespace {

/// Weights of twins come from different seeds.
std::uint64_t seed_of(std::uint64_t seed, std::uint32_t twin) {
  return seed ^ (std::uint64_t{twin} * 0x9E3779B97F4A7C15ULL);
}

/// The weights of a table as "weight" and "bias".
void put_table(NamedArrays& out, const std::string& group, const nn::CatalogueWeights& table) {
  const auto size = at(table.rows()) * at(table.width());
  out.set<float>(group + "/weight", {table.weight.row(0).data(), size}, {table.rows(), table.width()});
  if (!table.bias.empty()) out.set<float>(group + "/bias", table.bias);
}

}  // namespace

std::vector<nn::ParameterLayout> network_layout(const AgentOptions& options) {
  std::vector<nn::ParameterLayout> out = nn::parameter_layout(options.encoder);
  for (nn::ParameterLayout& layout : prompt_layout(options)) out.push_back(std::move(layout));
  return out;
}

TrainableNetwork::TrainableNetwork(const AgentOptions& options, std::int32_t items, std::uint64_t seed,
                                   std::uint32_t twin)
    : options_(options),
      parameters_(std::make_unique<nn::FlatParameters>(
          network_layout(options),
          nn::initial_parameters(network_layout(options), seed_of(seed, twin), "cpu").to_arrays())),
      items_(nn::item_vectors(items, options.encoder.width), seed_of(seed, twin), 1000) {
  const std::int32_t width = options.encoder.output_width();
  if (!options.ranks_by_values()) {
    policy_.emplace(nn::catalogue_head("policy", items, width), seed_of(seed, twin), 1001);
  }
  if (options.learns_values()) {
    value_.emplace(nn::catalogue_head("value", items, width), seed_of(seed, twin), 1002);
  }
}

nn::EncoderNet TrainableNetwork::below(const nn::ReadOut& read_out) {
  nn::EncoderNet net;
  net.config = options_.encoder;
  net.parameters = parameters_.get();
  net.items = &items_;
  net.read_out = read_out;
  return net;
}

void TrainableNetwork::update(const nn::AdamOptions& adam) {
  parameters_->update(adam);
  items_.update(adam);
  if (policy_) policy_->update(adam);
  if (value_) value_->update(adam);
}

void TrainableNetwork::restart_optimiser() {
  parameters_ = std::make_unique<nn::FlatParameters>(network_layout(options_), parameters_->values());
  items_.restart_optimiser();
  if (policy_) policy_->restart_optimiser();
  if (value_) value_->restart_optimiser();
}

NamedArrays TrainableNetwork::ranking_arrays() const {
  NamedArrays out;
  out.put_group("network", parameters_->values());
  put_table(out, "items", items_.weights());
  put_table(out, "head", options_.ranks_by_values() ? value_->weights() : policy_->weights());
  if (options_.bars_items()) put_table(out, "values", value_->weights());
  return out;
}

NamedArrays TrainableNetwork::state() const {
  NamedArrays out;
  out.put_group("network", parameters_->state());
  out.put_group("items", items_.state());
  if (policy_) out.put_group("policy", policy_->state());
  if (value_) out.put_group("value", value_->state());
  return out;
}

void TrainableNetwork::restore(const NamedArrays& state) {
  parameters_->restore(state.group("network"));
  items_.restore(state.group("items"));
  if (policy_) policy_->restore(state.group("policy"));
  if (value_) value_->restore(state.group("value"));
}

}  // namespace veer::offline

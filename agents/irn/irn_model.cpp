#include "agents/irn/irn_model.h"

#include <cmath>

#include "agents/irn/irn_net.h"
#include "env/error.h"

namespace veer::irn {
namespace {

using nn::decimal;
using nn::Initial;
using nn::ParameterLayout;
using nn::read_decimal;

/// Half the width of Glorot's uniform interval (Glorot and Bengio, 2010).
float glorot(std::int64_t out, std::int64_t in) {
  return static_cast<float>(std::sqrt(6.0 / static_cast<double>(out + in)));
}

void add_linear(std::vector<ParameterLayout>& layouts, const std::string& name, std::int64_t out,
                std::int64_t in) {
  layouts.push_back({name + ".weight", {out, in}, Initial::uniform, glorot(out, in)});
  layouts.push_back({name + ".bias", {out}, Initial::zeros, 0.0F});
}

void add_norm(std::vector<ParameterLayout>& layouts, const std::string& name, std::int64_t width) {
  layouts.push_back({name + ".weight", {width}, Initial::ones, 0.0F});
  layouts.push_back({name + ".bias", {width}, Initial::zeros, 0.0F});
}

IrnModel model_of(nn::NetworkParameters parameters, const IrnConfig& config) {
  return IrnModel(std::make_shared<const IrnNet>(IrnNet{std::move(parameters), config}));
}

}  // namespace

void check_config(const IrnConfig& c) {
  constexpr std::int32_t most = 1 << 16;
  nn::require_range("items", c.items, 1, 1 << 24);
  nn::require_range("people", c.people, 0, 1 << 30);
  nn::require_range("hidden", c.hidden, 2, most);
  nn::require_range("layers", c.layers, 1, 1000);
  nn::require_range("heads", c.heads, 1, 1024);
  nn::require_range("inner", c.inner, 1, most);
  nn::require_range("person", c.person, 1, most);
  nn::require_range("positions", c.positions, 3, most);
  nn::require_range("target_reads_history", c.target_reads_history, 0, 1);
  nn::require_rate("dropout", c.dropout);
  nn::require_rate("person_dropout", c.person_dropout);
  if (c.hidden % 2 != 0 || c.hidden % c.heads != 0) {
    nn::reject_field("hidden", std::to_string(c.hidden),
                     "an even multiple of heads = " + std::to_string(c.heads));
  }
  for (const auto& [name, value] :
       {std::pair("history_weight", c.history_weight), {"target_weight", c.target_weight}}) {
    if (!std::isfinite(value)) nn::reject_field(name, std::to_string(value), "a finite number");
  }
}

std::vector<ParameterLayout> parameter_layout(const IrnConfig& c) {
  const std::int64_t items = std::int64_t{c.items} + 1, d = c.hidden;
  const auto deviation = static_cast<float>(1.0 / std::sqrt(static_cast<double>(d)));
  std::vector<ParameterLayout> out;
  out.push_back({"item_embedding", {items, d}, Initial::normal, deviation, true});
  out.push_back({"person_embedding", {c.people, c.person}, Initial::zeros, 0.0F});
  out.push_back({"impression.weight", {1, c.person}, Initial::uniform, glorot(1, c.person)});
  out.push_back({"impression.bias", {1}, Initial::ones, 0.0F});
  for (std::int32_t i = 0; i < c.layers; ++i) {
    const std::string block = "layers." + std::to_string(i) + ".";
    for (const char* name : {"query", "key", "value", "output"}) add_linear(out, block + name, d, d);
    add_norm(out, block + "attention_norm", d);
    add_linear(out, block + "inner", c.inner, d);
    add_linear(out, block + "outer", d, c.inner);
    add_norm(out, block + "outer_norm", d);
  }
  out.push_back({"output", {items, d + 1}, Initial::uniform, deviation});
  return out;
}

std::int64_t parameter_count(const IrnConfig& config) {
  check_config(config);
  return nn::total_size(parameter_layout(config));
}

nn::HyperParameters IrnConfig::to_strings() const {
  return {{"items", decimal(items)},
          {"people", decimal(people)},
          {"hidden", decimal(hidden)},
          {"layers", decimal(layers)},
          {"heads", decimal(heads)},
          {"inner", decimal(inner)},
          {"person", decimal(person)},
          {"positions", decimal(positions)},
          {"dropout", decimal(dropout)},
          {"person_dropout", decimal(person_dropout)},
          {"history_weight", decimal(history_weight)},
          {"target_weight", decimal(target_weight)},
          {"target_reads_history", decimal(target_reads_history)}};
}

IrnConfig IrnConfig::from_strings(const nn::HyperParameters& strings) {
  IrnConfig config;
  read_decimal(strings, "items", config.items);
  read_decimal(strings, "people", config.people);
  read_decimal(strings, "hidden", config.hidden);
  read_decimal(strings, "layers", config.layers);
  read_decimal(strings, "heads", config.heads);
  read_decimal(strings, "inner", config.inner);
  read_decimal(strings, "person", config.person);
  read_decimal(strings, "positions", config.positions);
  read_decimal(strings, "dropout", config.dropout);
  read_decimal(strings, "person_dropout", config.person_dropout);
  read_decimal(strings, "history_weight", config.history_weight);
  read_decimal(strings, "target_weight", config.target_weight);
  read_decimal(strings, "target_reads_history", config.target_reads_history);
  try {
    check_config(config);
  } catch (const ConfigError& error) {
    throw FormatError(error.what());
  }
  return config;
}

IrnModel IrnModel::initialise(const IrnConfig& config, std::uint64_t seed, const std::string& device) {
  check_config(config);
  return model_of(nn::initial_parameters(parameter_layout(config), seed, device), config);
}

IrnModel IrnModel::from_arrays(const IrnConfig& config, const NamedArrays& arrays,
                               const std::string& device) {
  check_config(config);
  return model_of(nn::stored_parameters(parameter_layout(config), arrays, device, "irn"), config);
}

IrnModel::IrnModel(std::shared_ptr<const IrnNet> net) : net_(std::move(net)) {}

NamedArrays IrnModel::to_arrays() const { return net_->to_arrays(); }
const IrnConfig& IrnModel::config() const noexcept { return net_->config; }

}  // namespace veer::irn

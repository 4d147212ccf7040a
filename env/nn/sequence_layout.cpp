#include "env/nn/sequence_layout.h"

#include <cmath>
#include <limits>

#include "env/error.h"
#include "env/nn/hyper_parameters.h"

namespace veer::nn {
namespace {

constexpr float sasrec_deviation = 0.02F;

void add_dense(std::vector<ParameterLayout>& out, const std::string& name, std::int64_t rows,
               std::int64_t columns) {
  out.push_back({name + ".weight", {rows, columns}, Initial::normal, sasrec_deviation});
  out.push_back({name + ".bias", {rows}, Initial::zeros, 0.0F});
}

void add_norm(std::vector<ParameterLayout>& out, const std::string& name, std::int64_t width) {
  out.push_back({name + ".weight", {width}, Initial::ones, 0.0F});
  out.push_back({name + ".bias", {width}, Initial::zeros, 0.0F});
}

float xavier_uniform(double rows, double columns) {
  return static_cast<float>(std::sqrt(6.0 / (rows + columns)));
}

}  // namespace

void check_config(const SequenceConfig& c) {
  constexpr std::int32_t most = 1 << 16;
  if (c.kind != "sasrec" && c.kind != "gru4rec")
    reject_field("kind", "\"" + c.kind + "\"", "sasrec or gru4rec");
  require_range("items", c.items, 1, std::numeric_limits<std::int32_t>::max() - 1);
  require_range("hidden", c.hidden, 1, most);
  require_range("inner", c.inner, 1, most);
  require_range("positions", c.positions, 1, most);
  require_rate("dropout", c.dropout);
  if (c.kind == "gru4rec") {
    require_range("layers", c.layers, 1, 1);
    return;
  }
  require_range("layers", c.layers, 1, 1000);
  require_range("heads", c.heads, 1, c.hidden);
  require_rate("attention_dropout", c.attention_dropout);
  if (c.hidden % c.heads != 0) {
    reject_field("heads", std::to_string(c.heads), "a divisor of hidden = " + std::to_string(c.hidden));
  }
}

std::vector<ParameterLayout> parameter_layout(const SequenceConfig& c) {
  const std::int64_t rows = std::int64_t{c.items} + 1;
  const std::int64_t d = c.hidden;
  const std::int64_t f = c.inner;
  std::vector<ParameterLayout> out;
  if (c.kind == "gru4rec") {
    const auto item_deviation = static_cast<float>(std::sqrt(2.0 / static_cast<double>(rows + d)));
    const auto readout_bound = static_cast<float>(1.0 / std::sqrt(static_cast<double>(f)));
    out.push_back({"item_embedding", {rows, d}, Initial::normal, item_deviation, true});
    out.push_back({"gru.weight_input",
                   {3 * f, d},
                   Initial::uniform,
                   xavier_uniform(static_cast<double>(3 * f), static_cast<double>(d))});
    out.push_back({"gru.weight_hidden",
                   {3 * f, f},
                   Initial::uniform,
                   xavier_uniform(static_cast<double>(3 * f), static_cast<double>(f))});
    out.push_back({"readout.weight", {d, f}, Initial::uniform, readout_bound});
    out.push_back({"readout.bias", {d}, Initial::uniform, readout_bound});
    return out;
  }
  out.push_back({"item_embedding", {rows, d}, Initial::normal, sasrec_deviation, true});
  out.push_back({"position_embedding", {c.positions, d}, Initial::normal, sasrec_deviation});
  add_norm(out, "input_norm", d);
  for (std::int32_t i = 0; i < c.layers; ++i) {
    const std::string block = "layers." + std::to_string(i) + ".";
    for (const char* part : {"query", "key", "value", "output"}) add_dense(out, block + part, d, d);
    add_norm(out, block + "attention_norm", d);
    add_dense(out, block + "inner", f, d);
    add_dense(out, block + "outer", d, f);
    add_norm(out, block + "outer_norm", d);
  }
  return out;
}

SequenceConfig SequenceConfig::sasrec(std::int32_t items) {
  SequenceConfig config;
  config.items = items;
  return config;
}

SequenceConfig SequenceConfig::gru4rec(std::int32_t items) {
  SequenceConfig config;
  config.kind = "gru4rec";
  config.items = items;
  config.layers = 1;
  config.heads = 1;
  config.inner = 128;
  config.dropout = 0.3F;
  config.attention_dropout = 0.0F;
  return config;
}

std::map<std::string, std::string> SequenceConfig::to_strings() const {
  return {{"kind", kind},
          {"items", decimal(items)},
          {"hidden", decimal(hidden)},
          {"layers", decimal(layers)},
          {"heads", decimal(heads)},
          {"inner", decimal(inner)},
          {"positions", decimal(positions)},
          {"dropout", decimal(dropout)},
          {"attention_dropout", decimal(attention_dropout)}};
}

SequenceConfig SequenceConfig::from_strings(const std::map<std::string, std::string>& strings) {
  SequenceConfig config;
  const auto found = strings.find("kind");
  if (found == strings.end()) {
    throw FormatError(Where{{}, 0, "kind"}, Problem{"no such hyper-parameter", "sasrec or gru4rec", ""});
  }
  config.kind = found->second;
  read_decimal(strings, "items", config.items);
  read_decimal(strings, "hidden", config.hidden);
  read_decimal(strings, "layers", config.layers);
  read_decimal(strings, "heads", config.heads);
  read_decimal(strings, "inner", config.inner);
  read_decimal(strings, "positions", config.positions);
  read_decimal(strings, "dropout", config.dropout);
  read_decimal(strings, "attention_dropout", config.attention_dropout);
  try {
    check_config(config);
  } catch (const ConfigError& error) {
    throw FormatError(error.what());
  }
  return config;
}

std::int64_t parameter_count(const SequenceConfig& config) {
  check_config(config);
  return total_size(parameter_layout(config));
}

}  // namespace veer::nn

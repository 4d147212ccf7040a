#include "agents/slate/networks/history_encoder.h"

#include <cmath>
#include <span>
#include <string>

#include "env/error.h"

namespace veer::slate {
namespace {

constexpr const char* padding_names[] = {"zeros", "masked"};

}  // namespace

void HistoryEncoderConfig::write(nn::HyperParameters& out) const {
  out["features"] = nn::decimal(features);
  out["width"] = nn::decimal(width);
  out["layers"] = nn::decimal(layers);
  out["heads"] = nn::decimal(heads);
  out["inner"] = nn::decimal(inner);
  out["positions"] = nn::decimal(positions);
  out["dropout"] = nn::decimal(dropout);
  out["padding"] = padding_names[static_cast<std::size_t>(padding)];
}

HistoryEncoderConfig HistoryEncoderConfig::read(const nn::HyperParameters& from) {
  HistoryEncoderConfig config;
  nn::read_decimal(from, "features", config.features);
  nn::read_decimal(from, "width", config.width);
  nn::read_decimal(from, "layers", config.layers);
  nn::read_decimal(from, "heads", config.heads);
  nn::read_decimal(from, "inner", config.inner);
  nn::read_decimal(from, "positions", config.positions);
  nn::read_decimal(from, "dropout", config.dropout);
  const auto found = from.find("padding");
  if (found == from.end() || (found->second != padding_names[0] && found->second != padding_names[1])) {
    throw FormatError(
        Where{{}, 0, "padding"},
        Problem{found == from.end() ? "nothing" : "\"" + found->second + "\"", "zeros or masked", ""});
  }
  config.padding = found->second == padding_names[0] ? HistoryPadding::zeros : HistoryPadding::masked;
  check_config(config);
  return config;
}

void check_config(const HistoryEncoderConfig& config) {
  nn::require_range("features", config.features, 1, 1 << 16);
  nn::require_range("width", config.width, 1, 1 << 12);
  nn::require_range("layers", config.layers, 1, 64);
  nn::require_range("heads", config.heads, 1, config.width);
  if (config.width % config.heads != 0) {
    nn::reject_field("heads", std::to_string(config.heads),
                     "a divisor of the width " + std::to_string(config.width));
  }
  nn::require_range("inner", config.inner, 1, 1 << 16);
  nn::require_range("positions", config.positions, 1, 4096);
  nn::require_rate("dropout", config.dropout);
}

void add_linear(std::vector<nn::ParameterLayout>& out, const std::string& name, std::int64_t to,
                std::int64_t from) {
  const float scale = 1.0F / std::sqrt(static_cast<float>(from));
  out.push_back({name + ".weight", {to, from}, nn::Initial::uniform, scale});
  out.push_back({name + ".bias", {to}, nn::Initial::uniform, scale});
}

void add_layer_norm(std::vector<nn::ParameterLayout>& out, const std::string& name, std::int64_t width) {
  out.push_back({name + ".weight", {width}, nn::Initial::ones});
  out.push_back({name + ".bias", {width}, nn::Initial::zeros});
}

std::vector<nn::ParameterLayout> parameter_layout(const HistoryEncoderConfig& config) {
  check_config(config);
  const std::int64_t d = config.width;
  std::vector<nn::ParameterLayout> out;
  add_linear(out, "item_map", d, config.features);
  out.push_back({"position_embedding", {config.positions, d}, nn::Initial::normal, 1.0F});
  add_layer_norm(out, "input_norm", d);
  for (std::int32_t i = 0; i < config.layers; ++i) {
    const std::string block = "layers." + std::to_string(i) + ".";
    const float projection = std::sqrt(6.0F / static_cast<float>(4 * d));
    for (const char* part : {"query", "key", "value"}) {
      out.push_back({block + part + ".weight", {d, d}, nn::Initial::uniform, projection});
      out.push_back({block + part + ".bias", {d}, nn::Initial::zeros});
    }
    add_linear(out, block + "output", d, d);
    out.back() = {block + "output.bias", {d}, nn::Initial::zeros};
    add_layer_norm(out, block + "attention_norm", d);
    add_linear(out, block + "inner", config.inner, d);
    add_linear(out, block + "outer", d, config.inner);
    add_layer_norm(out, block + "outer_norm", d);
  }
  return out;
}

NamedArrays fresh_parameters(const HistoryEncoderConfig& config, std::span<const nn::ParameterLayout> layouts,
                             std::uint64_t seed) {
  NamedArrays out;
  for (std::size_t i = 0; i < layouts.size(); ++i) {
    std::vector<float> values(static_cast<std::size_t>(layouts[i].size()));
    nn::draw_initial(layouts[i], seed, static_cast<std::uint32_t>(i), values);
    out.set<float>(layouts[i].name, values, layouts[i].shape);
  }
  for (std::int32_t i = 1; i < config.layers; ++i) {
    for (const auto& [name, array] : out.all()) {
      const std::string block = "layers." + std::to_string(i) + ".";
      if (name.starts_with(block)) {
        out.put(name, out.at("layers.0." + name.substr(block.size())));
      }
    }
  }
  return out;
}

}  // namespace veer::slate

#include "env/nn/state_encoders/state_encoder.h"

#include <array>
#include <cmath>

#include "env/error.h"

namespace veer::nn {
namespace {

constexpr std::array<std::string_view, 4> words = {"gru", "caser", "nextitnet", "sasrec"};

// Caser: heights of the horizontal filters, and how many there are of each.
constexpr std::array<std::int32_t, 3> filter_heights = {2, 3, 4};
constexpr std::int32_t filters = 16;

constexpr float item_deviation = 0.01F;

float glorot(std::int64_t fan_in, std::int64_t fan_out) {
  return static_cast<float>(std::sqrt(6.0 / static_cast<double>(fan_in + fan_out)));
}

void add_dense(std::vector<ParameterLayout>& out, const std::string& name, std::int64_t rows,
               std::int64_t columns, float bias = 0.0F) {
  out.push_back({name + ".weight", {rows, columns}, Initial::uniform, glorot(columns, rows)});
  out.push_back({name + ".bias", {rows}, Initial::constant, bias});
}

void add_filters(std::vector<ParameterLayout>& out, const std::string& name, std::vector<std::int64_t> shape,
                 float deviation, float bias) {
  const std::int64_t rows = shape.size() > 1 ? shape.front() : 1;
  out.push_back({name + ".weight", std::move(shape), Initial::truncated_normal, deviation});
  out.push_back({name + ".bias", {rows}, Initial::constant, bias});
}

void add_norm(std::vector<ParameterLayout>& out, const std::string& name, std::int64_t width) {
  out.push_back({name + ".gain", {width}, Initial::ones});
  out.push_back({name + ".offset", {width}, Initial::zeros});
}

}  // namespace

std::string_view word_of(EncoderKind kind) noexcept { return words[static_cast<std::size_t>(kind)]; }

EncoderKind encoder_kind(std::string_view word, const std::string& field) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == word) return static_cast<EncoderKind>(i);
  }
  reject_field(field, '"' + std::string(word) + '"', "gru, caser, nextitnet or sasrec");
}

std::int32_t StateEncoderConfig::output_width() const noexcept {
  return kind == EncoderKind::caser ? filters * static_cast<std::int32_t>(filter_heights.size()) + width
                                    : width;
}

HyperParameters StateEncoderConfig::to_hyper_parameters() const {
  return {{"encoder", std::string(word_of(kind))},
          {"width", decimal(width)},
          {"state_length", decimal(state_length)},
          {"dropout", decimal(dropout)}};
}

StateEncoderConfig StateEncoderConfig::from_hyper_parameters(const HyperParameters& from) {
  StateEncoderConfig config;
  const auto kind = from.find("encoder");
  if (kind == from.end()) {
    throw FormatError(Where{{}, 0, "encoder"}, Problem{"no such hyper-parameter", "a kind of encoder", ""});
  }
  config.kind = encoder_kind(kind->second);
  read_decimal(from, "width", config.width);
  read_decimal(from, "state_length", config.state_length);
  read_decimal(from, "dropout", config.dropout);
  check_config(config);
  return config;
}

void check_config(const StateEncoderConfig& config) {
  require_range("width", config.width, 1, 1 << 16);
  require_range("state_length", config.state_length,
                config.kind == EncoderKind::caser ? filter_heights.back() : 1, 4096);
  require_rate("dropout", config.dropout);
}

void add_attention_layout(std::vector<ParameterLayout>& out, const std::string& name, std::int32_t width) {
  add_norm(out, name + ".norm", width);
  for (const char* part : {".query", ".key", ".value"}) add_dense(out, name + part, width, width);
}

std::vector<ParameterLayout> parameter_layout(const StateEncoderConfig& config) {
  check_config(config);
  const std::int64_t width = config.width;
  std::vector<ParameterLayout> out;
  switch (config.kind) {
    case EncoderKind::gru:
      add_dense(out, "gates", 2 * width, 2 * width, 1.0F);
      add_dense(out, "candidate", width, 2 * width);
      break;
    case EncoderKind::caser:
      for (const std::int32_t height : filter_heights) {
        add_filters(out, "horizontal." + std::to_string(height), {filters, height * width}, 0.1F, 0.1F);
      }
      add_filters(out, "vertical", {config.state_length}, 0.1F, 0.1F);
      break;
    case EncoderKind::nextitnet:
      for (std::size_t i = 0; i < std::size(nextitnet_dilations); ++i) {
        for (const char* convolution : {".0", ".1"}) {
          const std::string name = "blocks." + std::to_string(i) + convolution;
          add_filters(out, name, {width, 3 * width}, 0.02F, 0.0F);
          add_norm(out, name + ".norm", width);
        }
      }
      break;
    case EncoderKind::sasrec:
      out.push_back({"positions", {config.state_length, width}, Initial::normal, item_deviation});
      add_attention_layout(out, "attention", config.width);
      add_norm(out, "feed_forward.norm", width);
      add_dense(out, "inner", width, width);
      add_dense(out, "outer", width, width);
      add_norm(out, "final.norm", width);
      break;
  }
  return out;
}

}  // namespace veer::nn

#include "env/nn/seq2seq/seq2seq_model.h"

#include <cmath>

#include "env/error.h"
#include "env/nn/seq2seq/seq2seq_net.h"

namespace veer::nn {
namespace {

float power(std::int64_t base, double exponent) {
  return static_cast<float>(std::pow(static_cast<double>(base), exponent));
}

void add_normal_matrix(std::vector<ParameterLayout>& out, const std::string& name, std::int64_t rows,
                       std::int64_t columns, float deviation) {
  out.push_back({name, {rows, columns}, Initial::normal, deviation});
}

void add_scale(std::vector<ParameterLayout>& out, const std::string& name, std::int64_t width) {
  out.push_back({name, {width}, Initial::ones, 0.0F});
}

void add_attention(std::vector<ParameterLayout>& out, const std::string& name, const Seq2SeqConfig& c) {
  const std::int64_t d = c.width, all = c.heads_width();
  add_scale(out, name + "norm", d);
  add_normal_matrix(out, name + "query", all, d, power(d * c.head_width, -0.5));
  add_normal_matrix(out, name + "key", all, d, power(d, -0.5));
  add_normal_matrix(out, name + "value", all, d, power(d, -0.5));
  add_normal_matrix(out, name + "output", d, all, power(all, -0.5));
}

void add_stack(std::vector<ParameterLayout>& out, const std::string& stack, std::int32_t layers, bool cross,
               const Seq2SeqConfig& c) {
  const std::int64_t d = c.width, f = c.inner;
  add_normal_matrix(out, stack + "position_bias", c.buckets, c.heads, power(d, -0.5));
  for (std::int32_t i = 0; i < layers; ++i) {
    const std::string block = stack + std::to_string(i) + ".";
    add_attention(out, block + "self.", c);
    if (cross) add_attention(out, block + "cross.", c);
    add_scale(out, block + "feed.norm", d);
    add_normal_matrix(out, block + "feed.inner", f, d, power(d, -0.5));
    add_normal_matrix(out, block + "feed.outer", d, f, power(f, -0.5));
  }
  add_scale(out, stack + "norm", d);
}

Seq2SeqModel seq2seq_of(NetworkParameters parameters, const Seq2SeqConfig& config) {
  return Seq2SeqModel(std::make_shared<const Seq2SeqNet>(Seq2SeqNet{std::move(parameters), config}));
}

}  // namespace

void check_config(const Seq2SeqConfig& c) {
  constexpr std::int32_t most = 1 << 16;
  require_range("vocabulary", c.vocabulary, 2, 1 << 24);
  require_range("width", c.width, 1, most);
  require_range("inner", c.inner, 1, most);
  require_range("heads", c.heads, 1, 1024);
  require_range("head_width", c.head_width, 1, most);
  require_range("encoder_layers", c.encoder_layers, 1, 1000);
  require_range("decoder_layers", c.decoder_layers, 1, 1000);
  require_range("buckets", c.buckets, 4, 1024);
  require_range("far_distance", c.far_distance, c.buckets, most);
  require_rate("dropout", c.dropout);
}

std::vector<ParameterLayout> parameter_layout(const Seq2SeqConfig& c) {
  std::vector<ParameterLayout> out;
  add_normal_matrix(out, "embedding", c.vocabulary, c.width, 1.0F);
  add_stack(out, "encoder.", c.encoder_layers, false, c);
  add_stack(out, "decoder.", c.decoder_layers, true, c);
  return out;
}

std::int64_t parameter_count(const Seq2SeqConfig& config) {
  check_config(config);
  return total_size(parameter_layout(config));
}

HyperParameters Seq2SeqConfig::to_strings() const {
  return {{"vocabulary", decimal(vocabulary)},
          {"width", decimal(width)},
          {"inner", decimal(inner)},
          {"heads", decimal(heads)},
          {"head_width", decimal(head_width)},
          {"encoder_layers", decimal(encoder_layers)},
          {"decoder_layers", decimal(decoder_layers)},
          {"buckets", decimal(buckets)},
          {"far_distance", decimal(far_distance)},
          {"dropout", decimal(dropout)}};
}

Seq2SeqConfig Seq2SeqConfig::from_strings(const HyperParameters& strings) {
  Seq2SeqConfig config;
  read_decimal(strings, "vocabulary", config.vocabulary);
  read_decimal(strings, "width", config.width);
  read_decimal(strings, "inner", config.inner);
  read_decimal(strings, "heads", config.heads);
  read_decimal(strings, "head_width", config.head_width);
  read_decimal(strings, "encoder_layers", config.encoder_layers);
  read_decimal(strings, "decoder_layers", config.decoder_layers);
  read_decimal(strings, "buckets", config.buckets);
  read_decimal(strings, "far_distance", config.far_distance);
  read_decimal(strings, "dropout", config.dropout);
  try {
    check_config(config);
  } catch (const ConfigError& error) {
    throw FormatError(error.what());
  }
  return config;
}

Seq2SeqModel Seq2SeqModel::initialise(const Seq2SeqConfig& config, std::uint64_t seed,
                                      const std::string& device) {
  check_config(config);
  return seq2seq_of(initial_parameters(parameter_layout(config), seed, device), config);
}

Seq2SeqModel Seq2SeqModel::from_arrays(const Seq2SeqConfig& config, const NamedArrays& arrays,
                                       const std::string& device) {
  check_config(config);
  return seq2seq_of(stored_parameters(parameter_layout(config), arrays, device, "seq2seq"), config);
}

Seq2SeqModel::Seq2SeqModel(std::shared_ptr<const Seq2SeqNet> net) : net_(std::move(net)) {}

NamedArrays Seq2SeqModel::to_arrays() const { return net_->to_arrays(); }
const Seq2SeqConfig& Seq2SeqModel::config() const noexcept { return net_->config; }
const std::string& Seq2SeqModel::device() const noexcept { return net_->device; }

}  // namespace veer::nn

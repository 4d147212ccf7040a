#include "agents/slate/networks/history_encoder_net.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "env/nn/training/causal_attention_net.h"

namespace veer::slate {
namespace {

/// [n, T, d] to [n, heads, T, d / heads]
torch::Tensor heads_apart(const torch::Tensor& values, std::int64_t heads) {
  return values.reshape({values.size(0), values.size(1), heads, values.size(2) / heads}).transpose(1, 2);
}

/// -1e9 where a query of the last `queries` positions would look at a later item or before the history.
torch::Tensor attention_bias(std::int64_t queries, std::int64_t length, const torch::Tensor& first_visible) {
  const torch::Tensor places = torch::arange(length);
  const torch::Tensor own = places.narrow(0, length - queries, queries);
  const torch::Tensor later = places.view({1, 1, 1, length}) > own.view({1, 1, queries, 1});
  const torch::Tensor first = torch::minimum(first_visible.view({-1, 1, 1, 1}), own.view({1, 1, queries, 1}));
  return later.logical_or(places.view({1, 1, 1, length}) < first).to(torch::kFloat32) * -1e9;
}

/// The same context as nn::causal_attention(), by operations that can drop weights.
torch::Tensor dropping_attention(const HistoryEncoderConfig& config, const torch::Tensor& queries,
                                 const torch::Tensor& keys_values, const torch::Tensor& first_visible,
                                 nn::DropoutMasks& dropout) {
  const std::int64_t d = config.width;
  const double scale = 1.0 / std::sqrt(double(config.width) / double(config.heads));
  const torch::Tensor key = heads_apart(keys_values.narrow(2, 0, d), config.heads);
  const torch::Tensor value = heads_apart(keys_values.narrow(2, d, d), config.heads);
  const torch::Tensor scores =
      torch::matmul(heads_apart(queries, config.heads), key.transpose(-1, -2)) * scale +
      attention_bias(queries.size(1), keys_values.size(1), first_visible);
  const torch::Tensor weights = dropout(torch::softmax(scores, -1), config.dropout);
  return torch::matmul(weights, value).transpose(1, 2).reshape(queries.sizes());
}

/// One layer. `last`: only the newest item's output is wanted, [n, 1, d].
torch::Tensor run_layer(const nn::NetworkParameters& net, const HistoryEncoderConfig& config,
                        const std::string& block, const torch::Tensor& x, const torch::Tensor& first_visible,
                        bool last, nn::DropoutMasks& dropout) {
  const torch::Tensor own = last ? x.narrow(1, x.size(1) - 1, 1) : x;
  const torch::Tensor queries = linear(net, block + "query", own);
  const torch::Tensor keys_values =
      torch::linear(x, torch::cat({net.at(block + "key.weight"), net.at(block + "value.weight")}, 0),
                    torch::cat({net.at(block + "key.bias"), net.at(block + "value.bias")}, 0));
  const torch::Tensor context =
      dropout.off() || config.dropout == 0.0F
          ? nn::causal_attention(queries, keys_values, first_visible, config.heads)
          : dropping_attention(config, queries, keys_values, first_visible, dropout);
  const torch::Tensor attended = layer_norm(
      net, block + "attention_norm", own + dropout(linear(net, block + "output", context), config.dropout));
  const torch::Tensor inner = dropout(torch::relu(linear(net, block + "inner", attended)), config.dropout);
  return layer_norm(net, block + "outer_norm",
                    attended + dropout(linear(net, block + "outer", inner), config.dropout));
}

}  // namespace

torch::Tensor linear(const nn::NetworkParameters& parameters, const std::string& name,
                     const torch::Tensor& x) {
  return torch::linear(x, parameters.at(name + ".weight"), parameters.at(name + ".bias"));
}

torch::Tensor layer_norm(const nn::NetworkParameters& parameters, const std::string& name,
                         const torch::Tensor& x) {
  return torch::layer_norm(x, {x.size(-1)}, parameters.at(name + ".weight"), parameters.at(name + ".bias"),
                           encoder_norm_epsilon);
}

HistoryBatch read_histories(const HistoryEncoderConfig& config, View<const float> vectors,
                            View<const ItemId> history, std::span<const std::int32_t> size,
                            std::int32_t first, std::int32_t count, ItemId padding_item) {
  std::int32_t length = config.positions;
  if (config.padding == HistoryPadding::masked) {
    length = 1;
    for (std::int32_t r = first; r < first + count; ++r)
      length = std::max(length, std::min(size[at(r)], config.positions));
  }
  HistoryBatch batch;
  batch.vectors = torch::empty({count, length, vectors.width()}, torch::kFloat32);
  float* out = batch.vectors.data_ptr<float>();
  std::vector<std::int64_t> begins;
  for (std::int32_t r = first; r < first + count; ++r) {
    const std::int32_t known = std::min(size[at(r)], length), before = length - known;
    // The last place of an empty history is read: it stands for nothing seen yet.
    begins.push_back(std::min(before, length - 1));
    for (std::int32_t t = 0; t < length; ++t) {
      const ItemId item = t < before ? padding_item : history(r, size[at(r)] - known + t - before);
      out = std::copy_n(vectors.row(item).data(), vectors.width(), out);
    }
  }
  if (config.padding == HistoryPadding::zeros) std::fill(begins.begin(), begins.end(), 0);
  batch.first_visible = torch::from_blob(begins.data(), {count}, torch::kInt64).clone();
  return batch;
}

torch::Tensor encode_histories(const nn::NetworkParameters& parameters, const HistoryEncoderConfig& config,
                               const HistoryBatch& batch, nn::DropoutMasks& dropout) {
  const std::int64_t length = batch.vectors.size(1);
  const torch::Tensor positions =
      parameters.at("position_embedding").narrow(0, config.positions - length, length);
  torch::Tensor x = linear(parameters, "item_map", batch.vectors) + positions;
  x = layer_norm(parameters, "input_norm", dropout(x, config.dropout));
  for (std::int32_t i = 0; i < config.layers; ++i) {
    x = run_layer(parameters, config, "layers." + std::to_string(i) + ".", x, batch.first_visible,
                  i + 1 == config.layers, dropout);
  }
  return x.squeeze(1);
}

torch::Tensor map_items(const nn::NetworkParameters& parameters, View<const float> vectors) {
  const torch::NoGradGuard no_gradient;
  const torch::Tensor all = torch::from_blob(const_cast<float*>(vectors.data()),
                                             {vectors.rows(), vectors.width()}, torch::kFloat32);
  return linear(parameters, "item_map", all).detach().contiguous();
}

}  // namespace veer::slate

#include "agents/slate/networks/history_encoder_net.h"

#include <algorithm>
#include <cmath>

#include "env/nn/inference/sequence_encoder_net.h"

namespace veer::slate {
namespace {

/// [n, T, d] to [n, heads, T, d / heads]
torch::Tensor heads_apart(const torch::Tensor& values, std::int64_t heads) {
  return values.reshape({values.size(0), values.size(1), heads, values.size(2) / heads}).transpose(1, 2);
}

/// -1e9 where a query would look at a later item. [1, 1, T, T]
torch::Tensor later_items(std::int64_t length) {
  return torch::full({length, length}, -1e9F).triu(1).view({1, 1, length, length});
}

/// One layer. `last`: only the newest item's output is wanted, [n, 1, d].
torch::Tensor run_layer(const nn::NetworkParameters& net, const HistoryEncoderConfig& config,
                        const std::string& block, const torch::Tensor& x, const torch::Tensor& mask,
                        bool last, nn::DropoutMasks& dropout) {
  const std::int64_t newest = x.size(1) - 1;
  const torch::Tensor own = last ? x.narrow(1, newest, 1) : x;
  const torch::Tensor looked = last ? mask.narrow(2, mask.size(2) - 1, 1) : mask;
  const double scale = 1.0 / std::sqrt(double(config.width) / double(config.heads));
  const torch::Tensor query = heads_apart(linear(net, block + "query", own), config.heads);
  const torch::Tensor key = heads_apart(linear(net, block + "key", x), config.heads);
  const torch::Tensor value = heads_apart(linear(net, block + "value", x), config.heads);
  const torch::Tensor scores = torch::matmul(query, key.transpose(-1, -2)) * scale + looked;
  const torch::Tensor weights = dropout(torch::softmax(scores, -1), config.dropout);
  const torch::Tensor context = torch::matmul(weights, value).transpose(1, 2).reshape(own.sizes());
  const torch::Tensor attended = layer_norm(
      net, block + "attention_norm", own + dropout(linear(net, block + "output", context), config.dropout));
  const torch::Tensor inner = dropout(torch::relu(linear(net, block + "inner", attended)), config.dropout);
  return layer_norm(net, block + "outer_norm",
                    attended + dropout(linear(net, block + "outer", inner), config.dropout));
}

nn::SequenceNet as_sasrec(const nn::NetworkParameters& parameters, const HistoryEncoderConfig& config,
                          View<const float> vectors) {
  nn::SequenceNet net;
  net.device = "cpu";
  net.config = nn::SequenceConfig{.kind = "sasrec",
                                  .items = vectors.rows() - 1,
                                  .hidden = config.width,
                                  .layers = config.layers,
                                  .heads = config.heads,
                                  .inner = config.inner,
                                  .positions = config.positions,
                                  .dropout = 0.0F,
                                  .attention_dropout = 0.0F};
  net.parameters.emplace_back("item_embedding", map_items(parameters, vectors));
  for (const auto& [name, value] : parameters.parameters) {
    if (name == "position_embedding" || name.starts_with("input_norm") || name.starts_with("layers.")) {
      net.parameters.emplace_back(name, value.detach());
    }
  }
  return net;
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
  std::vector<float> mask;
  for (std::int32_t r = first; r < first + count; ++r) {
    const std::int32_t known = std::min(size[at(r)], length), before = length - known;
    for (std::int32_t t = 0; t < length; ++t) {
      const ItemId item = t < before ? padding_item : history(r, size[at(r)] - known + t - before);
      out = std::copy_n(vectors.row(item).data(), vectors.width(), out);
      // The last place of an empty history is read: it stands for nothing seen yet.
      mask.push_back(t < before && t + 1 < length ? -1e9F : 0.0F);
    }
  }
  if (config.padding == HistoryPadding::masked) {
    batch.hidden = torch::from_blob(mask.data(), {count, 1, 1, length}, torch::kFloat32).clone();
  }
  return batch;
}

torch::Tensor encode_histories(const nn::NetworkParameters& parameters, const HistoryEncoderConfig& config,
                               const HistoryBatch& batch, nn::DropoutMasks& dropout) {
  const std::int64_t length = batch.vectors.size(1);
  const torch::Tensor positions =
      parameters.at("position_embedding").narrow(0, config.positions - length, length);
  torch::Tensor x = linear(parameters, "item_map", batch.vectors) + positions;
  x = layer_norm(parameters, "input_norm", dropout(x, config.dropout));
  torch::Tensor mask = later_items(length);
  if (batch.hidden.defined()) mask = mask + batch.hidden;
  for (std::int32_t i = 0; i < config.layers; ++i) {
    x = run_layer(parameters, config, "layers." + std::to_string(i) + ".", x, mask, i + 1 == config.layers,
                  dropout);
  }
  return x.squeeze(1);
}

torch::Tensor map_items(const nn::NetworkParameters& parameters, View<const float> vectors) {
  const torch::NoGradGuard no_gradient;
  const torch::Tensor all = torch::from_blob(const_cast<float*>(vectors.data()),
                                             {vectors.rows(), vectors.width()}, torch::kFloat32);
  return linear(parameters, "item_map", all).detach().contiguous();
}

HistoryReader::HistoryReader(const nn::NetworkParameters& parameters, const HistoryEncoderConfig& config,
                             View<const float> vectors)
    : config_(config),
      net_(as_sasrec(parameters, config, vectors)),
      reader_(net_, nn::SequenceOps{}, {encoder_norm_epsilon, nn::Activation::relu}) {}

torch::Tensor HistoryReader::read(View<const ItemId> history, View<const std::int32_t> size) const {
  const torch::InferenceMode inference;
  const std::int64_t rows = history.rows();
  torch::Tensor states = torch::zeros({nn::padded_rows(rows), config_.width});
  const auto group =
      std::max<std::int32_t>(1, static_cast<std::int32_t>(nn::pass_tokens) / config_.positions);
  nn::KeyValues keys = reader_.make_keys(group, config_.positions);
  for (std::int32_t first = 0; first < history.rows(); first += group) {
    const std::int32_t count = std::min(group, history.rows() - first);
    nn::Tokens tokens;
    for (std::int32_t slot = 0; slot < count; ++slot) {
      const std::int32_t row = first + slot, held = size(row), known = std::min(held, config_.positions);
      const bool pads = config_.padding == HistoryPadding::zeros;
      const std::int32_t length = pads ? config_.positions : std::max(known, 1);
      for (std::int32_t t = 0; t < length; ++t) {
        const std::int32_t back = length - 1 - t;
        const ItemId item = back < known ? history(row, held - 1 - back) : no_item;
        tokens.add(item, config_.positions - 1 - back, slot, t);
      }
      tokens.read.push_back(static_cast<std::int32_t>(tokens.size()) - 1);
    }
    states.narrow(0, first, count).copy_(reader_.read(tokens, keys, nullptr).narrow(0, 0, count));
  }
  return states;
}

}  // namespace veer::slate

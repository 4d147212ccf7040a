#include "env/nn/training/sequence_forward_net.h"

#include <cmath>
#include <span>

#include "env/error.h"
#include "env/nn/training/training_net.h"

namespace veer::nn {
namespace {

constexpr double norm_epsilon = 1e-12;
constexpr double masked_score = -10000.0;

torch::Tensor linear(const SequenceNet& net, const std::string& name, const torch::Tensor& input) {
  return torch::linear(input, net.at(name + ".weight"), net.at(name + ".bias"));
}

torch::Tensor layer_norm(const SequenceNet& net, const std::string& name, const torch::Tensor& input) {
  return torch::layer_norm(input, {input.size(-1)}, net.at(name + ".weight"), net.at(name + ".bias"),
                           norm_epsilon);
}

/// 0 where a query may look, -10,000 where the key lies in the future or is padding. [n, 1, T, T]
torch::Tensor attention_mask(const torch::Tensor& items) {
  const std::int64_t length = items.size(1);
  const auto options = torch::TensorOptions().device(items.device()).dtype(torch::kBool);
  const torch::Tensor visible = torch::ones({length, length}, options)
                                    .tril()
                                    .view({1, 1, length, length})
                                    .logical_and(items.ne(0).view({items.size(0), 1, 1, length}));
  return visible.logical_not().to(torch::kFloat32).mul_(masked_score);
}

/// [n, T, d] to [n, heads, T, d / heads]
torch::Tensor split_heads(const torch::Tensor& values, std::int64_t heads) {
  return values.view({values.size(0), values.size(1), heads, values.size(2) / heads}).transpose(1, 2);
}

torch::Tensor attend(const SequenceNet& net, const std::string& block, const torch::Tensor& hidden,
                     const torch::Tensor& mask, DropoutMasks& dropout) {
  const std::int64_t heads = net.config.heads;
  const double scale = 1.0 / std::sqrt(static_cast<double>(net.config.hidden) / static_cast<double>(heads));
  const torch::Tensor query = split_heads(linear(net, block + "query", hidden), heads);
  const torch::Tensor key = split_heads(linear(net, block + "key", hidden), heads);
  const torch::Tensor value = split_heads(linear(net, block + "value", hidden), heads);
  const torch::Tensor scores = torch::matmul(query, key.transpose(-1, -2)).mul_(scale).add_(mask);
  const torch::Tensor weights = dropout(torch::softmax(scores, -1), net.config.attention_dropout);
  const torch::Tensor context = torch::matmul(weights, value).transpose(1, 2).reshape(hidden.sizes());
  const torch::Tensor output = dropout(linear(net, block + "output", context), net.config.dropout);
  return layer_norm(net, block + "attention_norm", output + hidden);
}

torch::Tensor feed_forward(const SequenceNet& net, const std::string& block, const torch::Tensor& hidden,
                           DropoutMasks& dropout) {
  const torch::Tensor inner = torch::gelu(linear(net, block + "inner", hidden));
  const torch::Tensor outer = dropout(linear(net, block + "outer", inner), net.config.dropout);
  return layer_norm(net, block + "outer_norm", outer + hidden);
}

torch::Tensor encode_sasrec(const SequenceNet& net, const torch::Tensor& items, const torch::Tensor& embedded,
                            DropoutMasks& dropout) {
  const torch::Tensor positions = net.at("position_embedding").slice(0, 0, items.size(1));
  torch::Tensor hidden = dropout(layer_norm(net, "input_norm", embedded + positions), net.config.dropout);
  const torch::Tensor mask = attention_mask(items);
  for (std::int32_t i = 0; i < net.config.layers; ++i) {
    const std::string block = "layers." + std::to_string(i) + ".";
    hidden = feed_forward(net, block, attend(net, block, hidden, mask, dropout), dropout);
  }
  return hidden;
}

/// torch.nn.GRU without biases: the reset gate multiplies W_hn h, after the product.
torch::Tensor encode_gru(const SequenceNet& net, const torch::Tensor& embedded, DropoutMasks& dropout) {
  const std::int64_t width = net.config.inner;
  const torch::Tensor inputs =
      torch::matmul(dropout(embedded, net.config.dropout), net.at("gru.weight_input").t());
  if (net.device == "cpu" && inputs.requires_grad()) {
    return linear(net, "readout", gru_states(inputs, net.at("gru.weight_hidden")));
  }
  const torch::Tensor recurrent = net.at("gru.weight_hidden").t();
  torch::Tensor state = torch::zeros({embedded.size(0), width}, embedded.options());
  std::vector<torch::Tensor> states;
  for (std::int64_t t = 0; t < embedded.size(1); ++t) {
    const torch::Tensor input = inputs.select(1, t);
    const torch::Tensor gates = torch::matmul(state, recurrent);
    const torch::Tensor both = torch::sigmoid(input.slice(1, 0, 2 * width) + gates.slice(1, 0, 2 * width));
    const torch::Tensor reset = both.slice(1, 0, width);
    const torch::Tensor update = both.slice(1, width, 2 * width);
    const torch::Tensor fresh = torch::tanh(input.slice(1, 2 * width) + reset * gates.slice(1, 2 * width));
    state = fresh + update * (state - fresh);
    states.push_back(state);
  }
  return linear(net, "readout", torch::stack(states, 1));
}

}  // namespace

torch::Tensor encode_embedded(const SequenceNet& net, const torch::Tensor& items,
                              const torch::Tensor& embedded, const DropoutKey* dropout) {
  DropoutMasks masks(dropout, net.device);
  return net.config.kind == "gru4rec" ? encode_gru(net, embedded, masks)
                                      : encode_sasrec(net, items, embedded, masks);
}

torch::Tensor encode(const SequenceNet& net, const torch::Tensor& items, const DropoutKey* dropout) {
  if (items.dim() != 2 || items.size(1) < 1 || items.size(1) > net.config.positions) {
    throw ConfigError(
        Where{{}, 0, "items"},
        Problem{"a batch of " + std::to_string(items.dim() == 2 ? items.size(1) : 0) + " positions",
                "1 to " + std::to_string(net.config.positions), "cut histories to the last ones"});
  }
  const torch::Tensor embedded = torch::embedding(net.at("item_embedding"), items, /*padding_idx=*/0);
  return encode_embedded(net, items, embedded, dropout);
}

}  // namespace veer::nn

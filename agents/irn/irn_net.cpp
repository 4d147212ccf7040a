#include "agents/irn/irn_net.h"

#include <cmath>

namespace veer::irn {
namespace {

constexpr double norm_epsilon = 1e-5;
constexpr double hidden_score = -1e9;

torch::Tensor linear(const IrnNet& net, const std::string& name, const torch::Tensor& input) {
  return torch::linear(input, net.at(name + ".weight"), net.at(name + ".bias"));
}

torch::Tensor layer_norm(const IrnNet& net, const std::string& name, const torch::Tensor& input) {
  return torch::layer_norm(input, {input.size(-1)}, net.at(name + ".weight"), net.at(name + ".bias"),
                           norm_epsilon);
}

/// [T, d]: sin(t / 10000^(2k/d)) and the cosine, in turn.
torch::Tensor position_table(const IrnConfig& config) {
  torch::Tensor table = torch::empty({config.positions, config.hidden}, torch::kFloat32);
  float* value = table.data_ptr<float>();
  for (std::int32_t t = 0; t < config.positions; ++t) {
    for (std::int32_t k = 0; k < config.hidden; k += 2) {
      const double angle = t * std::pow(10000.0, -static_cast<double>(k) / config.hidden);
      *value++ = static_cast<float>(std::sin(angle));
      *value++ = static_cast<float>(std::cos(angle));
    }
  }
  return table;
}

/// r_u, [n]
torch::Tensor impressionability(const IrnNet& net, const torch::Tensor& people, nn::DropoutMasks& dropout) {
  const torch::Tensor& vectors = net.at("person_embedding");
  const std::int64_t count = people.size(0);
  if (vectors.size(0) == 0) return net.at("impression.bias").expand({count});
  const torch::Tensor known = people.ge(0).to(torch::kFloat32).view({count, 1});
  // A person is there as she is or not at all: dropout's 1 / (1 - rate) has no place here.
  const torch::Tensor seen = dropout(known, net.config.person_dropout).gt(0.0).to(torch::kFloat32);
  const torch::Tensor chosen = vectors.index_select(0, people.clamp_min(0)) * seen;
  return linear(net, "impression", chosen).view({count});
}

/// What is added to the scores, [n, 1, W, W].
torch::Tensor mask_of(const IrnNet& net, const torch::Tensor& items, const torch::Tensor& impression) {
  const std::int64_t rows = items.size(0), width = items.size(1);
  const auto options = torch::TensorOptions().device(items.device()).dtype(torch::kBool);
  torch::Tensor order = torch::ones({width, width}, options).tril();
  if (net.config.target_reads_history == 0) order.select(0, width - 1).fill_(false);
  order.select(1, width - 1).fill_(true);  // everyone may read the target
  const torch::Tensor visible =
      order.view({1, 1, width, width}).logical_and(items.ne(0).view({rows, 1, 1, width}));
  const torch::Tensor target = torch::zeros({1, 1, 1, width}, torch::TensorOptions().device(items.device()));
  target.select(3, width - 1).fill_(1.0F);
  const torch::Tensor weights = net.config.history_weight * (1.0F - target) +
                                net.config.target_weight * target * impression.view({rows, 1, 1, 1});
  return torch::where(visible, weights, torch::full({}, hidden_score, weights.options()));
}

torch::Tensor attend(const IrnNet& net, const std::string& block, const torch::Tensor& x,
                     const torch::Tensor& mask, nn::DropoutMasks& dropout) {
  const std::int64_t rows = x.size(0), width = x.size(1), d = x.size(2), heads = net.config.heads;
  const auto split = [&](const char* name) {
    return linear(net, block + name, x).view({rows, width, heads, d / heads}).transpose(1, 2);
  };
  const double scale = 1.0 / std::sqrt(static_cast<double>(d) / static_cast<double>(heads));
  const torch::Tensor scores = torch::matmul(split("query"), split("key").transpose(-1, -2)) * scale + mask;
  const torch::Tensor weights = dropout(torch::softmax(scores, -1), net.config.dropout);
  const torch::Tensor context = torch::matmul(weights, split("value")).transpose(1, 2).reshape(x.sizes());
  return layer_norm(net, block + "attention_norm",
                    x + dropout(linear(net, block + "output", context), net.config.dropout));
}

torch::Tensor feed_forward(const IrnNet& net, const std::string& block, const torch::Tensor& x,
                           nn::DropoutMasks& dropout) {
  const float rate = net.config.dropout;
  const torch::Tensor inner = dropout(torch::relu(linear(net, block + "inner", x)), rate);
  return layer_norm(net, block + "outer_norm", x + dropout(linear(net, block + "outer", inner), rate));
}

}  // namespace

torch::Tensor hidden_states(const IrnNet& net, const IrnRows& rows, const nn::DropoutKey* key) {
  nn::DropoutMasks dropout(key, net.device);
  const torch::Tensor mask = mask_of(net, rows.items, impressionability(net, rows.people, dropout));
  const torch::Tensor places = position_table(net.config).to(rows.items.device());
  torch::Tensor x = torch::embedding(net.at("item_embedding"), rows.items, /*padding_idx=*/0) *
                    std::sqrt(static_cast<double>(net.config.hidden));
  x = dropout(x + places.index_select(0, rows.slots.reshape({-1})).view(x.sizes()), net.config.dropout);
  for (std::int32_t i = 0; i < net.config.layers; ++i) {
    const std::string block = "layers." + std::to_string(i) + ".";
    x = feed_forward(net, block, attend(net, block, x, mask, dropout), dropout);
  }
  return torch::cat({x, torch::ones({x.size(0), x.size(1), 1}, x.options())}, -1);
}

}  // namespace veer::irn

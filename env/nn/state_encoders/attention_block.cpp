#include <cmath>

#include "env/nn/state_encoders/state_encoder_net.h"

namespace veer::nn {
namespace {

constexpr double unseen_score = -4294967295.0;  // -2^32 + 1

torch::Tensor project(const NetworkParameters& parameters, const std::string& name,
                      const torch::Tensor& values) {
  return torch::linear(values, parameters.at(name + ".weight"), parameters.at(name + ".bias"));
}

}  // namespace

torch::Tensor state_norm(const NetworkParameters& parameters, const std::string& name,
                         const torch::Tensor& values) {
  return torch::layer_norm(values, {values.size(-1)}, parameters.at(name + ".gain"),
                           parameters.at(name + ".offset"), state_norm_epsilon);
}

torch::Tensor attention_block(const NetworkParameters& parameters, const std::string& name,
                              const torch::Tensor& queries, const torch::Tensor& keys,
                              const torch::Tensor& key_mask, const AttentionOptions& options,
                              DropoutMasks& dropout) {
  const torch::Tensor read = options.normalise ? state_norm(parameters, name + ".norm", queries) : queries;
  const torch::Tensor query = project(parameters, name + ".query", read);
  const torch::Tensor key = project(parameters, name + ".key", keys);
  const torch::Tensor value = project(parameters, name + ".value", keys);
  torch::Tensor hidden = key_mask.eq(0).unsqueeze(1);  // [B, 1, K]
  if (options.causal) {
    const torch::Tensor later =
        torch::ones({queries.size(1), keys.size(1)}, key_mask.options().dtype(torch::kBool)).triu(1);
    hidden = hidden.logical_or(later);
  }
  const double scale = 1.0 / std::sqrt(static_cast<double>(query.size(2)));
  const torch::Tensor scores = torch::matmul(query, key.transpose(1, 2)).mul(scale);
  torch::Tensor weights = torch::softmax(scores.masked_fill(hidden, unseen_score), -1);
  if (options.query_mask.defined()) weights = weights * options.query_mask.unsqueeze(-1);
  return torch::matmul(dropout(weights, options.dropout), value) + read;
}

}  // namespace veer::nn

#include <string>

#include "agents/slate/hsrl/token_levels_net.h"
#include "agents/slate/networks/history_encoder_net.h"

namespace veer::slate {
namespace {

std::string level_name(std::int32_t level, const char* part) {
  return "levels." + std::to_string(level) + "." + part;
}

}  // namespace

torch::Tensor token_logits(const nn::NetworkParameters& parameters, std::int32_t level,
                           const torch::Tensor& context, float sharpness) {
  return sharpness * linear(parameters, level_name(level, "head"), context);
}

torch::Tensor next_context(const nn::NetworkParameters& parameters, std::int32_t level,
                           const torch::Tensor& context, const torch::Tensor& vectors) {
  return layer_norm(parameters, level_name(level, "norm"), context - vectors);
}

TokenLevels expected_levels(const nn::NetworkParameters& parameters, std::int32_t levels,
                            const torch::Tensor& states, float sharpness) {
  TokenLevels out;
  std::vector<torch::Tensor> contexts{states};
  for (std::int32_t l = 0; l < levels; ++l) {
    out.logits.push_back(token_logits(parameters, l, contexts.back(), sharpness));
    const torch::Tensor expected =
        torch::matmul(torch::softmax(out.logits.back(), -1), parameters.at(level_name(l, "tokens")));
    contexts.push_back(next_context(parameters, l, contexts.back(), expected));
  }
  out.contexts = torch::stack(contexts, 1);
  return out;
}

std::vector<torch::Tensor> chosen_levels(const nn::NetworkParameters& parameters, std::int32_t levels,
                                         const torch::Tensor& states, const torch::Tensor& codes,
                                         float sharpness) {
  std::vector<torch::Tensor> logits;
  torch::Tensor context = states;
  for (std::int32_t l = 0; l < levels; ++l) {
    logits.push_back(token_logits(parameters, l, context, sharpness));
    if (l + 1 == levels) break;
    context = next_context(parameters, l, context,
                           parameters.at(level_name(l, "tokens")).index_select(0, codes.select(1, l)));
  }
  return logits;
}

}  // namespace veer::slate

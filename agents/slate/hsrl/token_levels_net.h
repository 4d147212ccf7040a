// The levels of an HSRL network as LibTorch operations that autograd can follow. Needs LibTorch: include it
// from .cpp files only. Pure functions; thread-safe.
//
// c_0 is the state; level l scores tokens by logits_l = head_l(c_l), and c_(l+1) = LayerNorm_l(c_l - e_l)
// with e_l the token vectors' mean under softmax(logits_l) (soft), or the vector of the token chosen
// (sampled).
#pragma once

#include <torch/types.h>

#include <vector>

#include "agents/slate/hsrl/hsrl_options.h"
#include "env/nn/network_parameters_net.h"

namespace veer::slate {

struct TokenLevels {
  std::vector<torch::Tensor> logits;  ///< per level [n, V]
  torch::Tensor contexts;             ///< [n, levels + 1, d]: c_0 .. c_levels of the expected tokens
};

/// Logits are multiplied by `sharpness` (HsrlOptions), here and below.
torch::Tensor token_logits(const nn::NetworkParameters& parameters, std::int32_t level,
                           const torch::Tensor& context, float sharpness);
/// The context after `vectors` [n, d] (expected or chosen) were taken off.
torch::Tensor next_context(const nn::NetworkParameters& parameters, std::int32_t level,
                           const torch::Tensor& context, const torch::Tensor& vectors);
/// All levels of states [n, d] by expected tokens.
TokenLevels expected_levels(const nn::NetworkParameters& parameters, std::int32_t levels,
                            const torch::Tensor& states, float sharpness);
/// Logits [n, V] per level along chosen tokens: codes int64 [n, levels], states [n, d].
std::vector<torch::Tensor> chosen_levels(const nn::NetworkParameters& parameters, std::int32_t levels,
                                         const torch::Tensor& states, const torch::Tensor& codes,
                                         float sharpness);

}  // namespace veer::slate

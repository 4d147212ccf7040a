// The forward pass of mlp.h as LibTorch operations that autograd can follow. Needs LibTorch: include it from
// .cpp files only. Pure function; thread-safe.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>

#include "env/nn/network_parameters_net.h"

namespace veer {

/// [..., outputs] of x [..., inputs] through `layers` linear layers, ReLU between them and nothing after the
/// last.
torch::Tensor mlp(const nn::NetworkParameters& parameters, const std::string& name, torch::Tensor x,
                  std::int32_t layers);

}  // namespace veer

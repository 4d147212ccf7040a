// The forward pass of value_network.h as LibTorch operations that autograd can follow. Needs LibTorch:
// include it from .cpp files only. Pure function; thread-safe.
#pragma once

#include <torch/types.h>

#include <string>

#include "agents/slate/networks/value_network.h"
#include "env/nn/network_parameters_net.h"
#include "env/nn/training/dropout_masks_net.h"

namespace veer::slate {

/// Values [...] of inputs [..., d]. `rate`: dropout, by row of the first axis.
torch::Tensor value_of(const nn::NetworkParameters& parameters, const std::string& name,
                       const torch::Tensor& x, float rate, nn::DropoutMasks& dropout);

}  // namespace veer::slate

// The recurrence of the GRU whose reset gate comes before the recurrent product, with a backward pass of its
// own: autograd's would record a dozen small operations per time step. Needs LibTorch: include it from .cpp
// files only. Pure function; thread-safe.
#pragma once

#include <torch/types.h>

namespace veer::nn {

/// States [n, W] of rows after their lengths [n] (int64, 1..T) steps from h = 0: inputs [n, T, 3W] are the
/// items' shares of reset, update and candidate with the biases in them, gates [2W, W] and candidate [W, W]
/// the recurrent weights. Differentiable once in inputs and weights. Float, CPU.
torch::Tensor gru_recurrence(const torch::Tensor& inputs, const torch::Tensor& lengths,
                             const torch::Tensor& gates, const torch::Tensor& candidate);

}  // namespace veer::nn

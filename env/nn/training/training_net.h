// What training has of its own kernels: a GRU with its backward pass, and the loss over the whole catalogue
// with its gradients. Needs LibTorch: include it from .cpp files only.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>

namespace veer::nn {

/// States [n, T, f] of a GRU without biases that starts from zero: `inputs` [n, T, 3f] are the items' shares
/// of the gates in the order r, z, n; `recurrent` [3f, f]. Differentiable once in both, with a backward pass
/// of its own. Float, CPU.
torch::Tensor gru_states(const torch::Tensor& inputs, const torch::Tensor& recurrent);

/// Cross-entropy of `hidden` [m, d] against every row of `table` [N+1, d], padding included: returns the sum
/// over the rows of -ln softmax(hidden table^T)[target], adds weight * its gradient to `table_gradient` [N+1,
/// d], and replaces `hidden` by weight * its gradient. Logits live in one tile of at most `tile_values`
/// values at a time. CPU, no autograd.
double cross_entropy_in_place(torch::Tensor& hidden, const torch::Tensor& table,
                              std::span<const std::int64_t> targets, float weight,
                              torch::Tensor& table_gradient, std::int64_t tile_values = 1 << 18);

}  // namespace veer::nn

// Causal attention over whole sequences with a backward pass of its own: autograd would make a product per
// row and head of matrices of a few values. Needs LibTorch: include it from .cpp files only. Pure function;
// thread-safe.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace veer::nn {

/// Context [n, Q, d] of queries [n, Q, d], which are those of the last Q positions, over keys_values
/// [n, T, 2 d] (keys, then values). `first_visible` int64 [n]: keys before it are hidden.
/// Differentiable once. Float, CPU, contiguous.
torch::Tensor causal_attention(const torch::Tensor& queries, const torch::Tensor& keys_values,
                               const torch::Tensor& first_visible, std::int64_t heads);

}  // namespace veer::nn

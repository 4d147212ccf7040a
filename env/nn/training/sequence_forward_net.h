// The forward pass of a next-item network over whole sequences, as LibTorch operations that autograd can
// follow: what training differentiates and what the inference kernels are tested against. Needs LibTorch:
// include it from .cpp files only.
#pragma once

#include <torch/types.h>

#include "env/nn/sequence_net.h"
#include "env/nn/training/dropout_masks_net.h"

namespace veer::nn {

/// Read-outs of every position: h[r, t] has read items[r, 0..t]. items: int64 [n, T], right-padded with 0, T
/// <= positions. Result [n, T, d]; positions past a row's length hold values nobody should read. `dropout`
/// null: evaluation mode.
torch::Tensor encode(const SequenceNet& net, const torch::Tensor& items, const DropoutKey* dropout = nullptr);

/// As encode, from the vectors of the items [n, T, d] instead of their ids (which still decide what is
/// padding).
torch::Tensor encode_embedded(const SequenceNet& net, const torch::Tensor& items,
                              const torch::Tensor& embedded, const DropoutKey* dropout = nullptr);

}  // namespace veer::nn

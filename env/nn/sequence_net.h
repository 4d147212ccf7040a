// The parameters of a next-item network as tensors, and its forward pass over whole sequences. Needs LibTorch: include it
// from .cpp files only.
#pragma once

#include <torch/torch.h>

#include <string>
#include <utility>
#include <vector>

#include "env/nn/sequence_model.h"
#include "env/random.h"

namespace veer::nn {

/// Parameter names and shapes (d = hidden, f = inner, P = positions; every matrix is [out, in] as in torch::nn::Linear):
///   sasrec:  item_embedding [N+1, d], position_embedding [P, d], input_norm.{weight,bias} [d], and per block i
///            layers.i.{query,key,value,output}.{weight [d, d],bias [d]}, layers.i.attention_norm.{weight,bias} [d],
///            layers.i.inner.{weight [f, d],bias [f]}, layers.i.outer.{weight [d, f],bias [d]},
///            layers.i.outer_norm.{weight,bias} [d]
///   gru4rec: item_embedding [N+1, d], gru.weight_input [3f, d], gru.weight_hidden [3f, f] (gate order r, z, n; no
///            biases), readout.weight [d, f], readout.bias [d]
struct SequenceNet {
  SequenceConfig config;
  std::string device;
  std::vector<std::pair<std::string, torch::Tensor>> parameters;  ///< in the order above

  const torch::Tensor& at(const std::string& name) const;
};

/// Where dropout masks come from: Philox keyed by (seed, example, step = epoch, Stream::dropout), so a mask depends on the
/// example and the update, never on threads or on LibTorch's generator.
struct DropoutKey {
  std::uint64_t seed = 0;
  std::uint64_t first_example = 0;  ///< row r of the batch is example first_example + r
  std::uint32_t update = 0;
};

/// Read-outs of every position: h[r, t] has read items[r, 0..t]. items: int64 [n, T], right-padded with 0, T <= positions.
/// Result [n, T, d]; positions past a row's length hold values nobody should read. `dropout` null: evaluation mode.
torch::Tensor encode(const SequenceNet& net, const torch::Tensor& items, const DropoutKey* dropout = nullptr);

}  // namespace veer::nn

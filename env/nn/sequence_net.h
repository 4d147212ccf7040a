// The parameters of a next-item network as tensors. Needs LibTorch: include it
// from .cpp files only.
#pragma once

#include "env/nn/network_parameters_net.h"
#include "env/nn/sequence_model.h"

namespace veer::nn {

/// Parameter names and shapes (d = hidden, f = inner, P = positions; every matrix is [out, in] as in
/// torch::nn::Linear):
///   sasrec:  item_embedding [N+1, d], position_embedding [P, d], input_norm.{weight,bias} [d],
///            and per block i
///            layers.i.{query,key,value,output}.{weight [d, d],bias [d]},
///            layers.i.attention_norm.{weight,bias} [d], layers.i.inner.{weight [f, d],bias [f]},
///            layers.i.outer.{weight [d, f],bias [d]}, layers.i.outer_norm.{weight,bias} [d]
///   gru4rec: item_embedding [N+1, d], gru.weight_input [3f, d], gru.weight_hidden [3f, f]
///            (gate order r, z, n;
///            no biases), readout.weight [d, f], readout.bias [d]
struct SequenceNet : NetworkParameters {
  SequenceConfig config;
};

}  // namespace veer::nn

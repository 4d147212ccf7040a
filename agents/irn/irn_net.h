// The parameters of IRN as tensors, and its forward pass. Needs LibTorch: include it from .cpp files only.
//
// Columns. A row is W columns of items, 0 where there is none; the last column holds the target, the ones
// before it the history, oldest first, ending at any column. `slots` says which of the T positions a column
// stands for: T - 1 for the target, and what is between the history's last slot and T - 1 is how many items
// the path has still to place. Encodings of positions are sines and cosines (Vaswani et al., 2017), so only
// slots matter, never columns.
//
// The personalised impressionability mask is what is added to the attention scores q.k / sqrt(d / heads) of
// column c as read from column r:
//
//   w_t r_u             c is the target's, which every column may read
//   w_h                 c <= r holds an item, and r is not the target's
//   minus infinity      otherwise
//
// with r_u = a . v_u + b the person's impressionability. v_u starts at zero and only moves for people trained
// on, and a share of their examples is read with v_u = 0: so someone unknown has r_u = b, which was trained.
// (The paper trains and tests on the same people and needs no such rule.)
#pragma once

#include <torch/types.h>

#include "agents/irn/irn_model.h"
#include "env/nn/network_parameters_net.h"
#include "env/nn/training/dropout_masks_net.h"

namespace veer::irn {

struct IrnNet : nn::NetworkParameters {  ///< names and shapes: parameter_layout(IrnConfig)
  IrnConfig config;
};

/// What the network reads, int64 on its device. A target of 0 is hidden like any column without an item.
struct IrnRows {
  torch::Tensor items;   ///< [n, W]
  torch::Tensor slots;   ///< [n, W], 0..T-1
  torch::Tensor people;  ///< [n], 0..U-1; -1: someone unknown
};

/// Hidden states [n, W, d + 1], the last value 1: their products with the rows of "output" are the logits of
/// what comes next. A null key is evaluation mode.
torch::Tensor hidden_states(const IrnNet& net, const IrnRows& rows, const nn::DropoutKey* dropout);

}  // namespace veer::irn

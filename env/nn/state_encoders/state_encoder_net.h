// The forward pass of the state encoders as LibTorch operations that autograd can follow, on the device of
// the inputs. Needs LibTorch: include it from .cpp files only. Pure functions; thread-safe.
#pragma once

#include <torch/types.h>

#include <string>

#include "env/nn/network_parameters_net.h"
#include "env/nn/state_encoders/state_encoder.h"
#include "env/nn/training/dropout_masks_net.h"

namespace veer::nn {

struct EncoderInputs {
  torch::Tensor embedded;  ///< float [B, T, W]: the items' vectors; where padding stands, its row
  torch::Tensor lengths;   ///< int64 [B], 1..T
  torch::Tensor mask;      ///< float [B, T]: 1 where an item stands, 0 where padding. Not read by a GRU.
};

struct EncoderOutput {
  torch::Tensor state;     ///< [B, output_width]
  torch::Tensor sequence;  ///< SASRec: [B, T, W], every position after the final norm. Others: undefined.
};

/// The states of B rows. `parameters` as parameter_layout() names them (others may stand beside them);
/// `dropout` with a null key is evaluation. Right-padding: a row's state does not depend on what the item
/// vectors past its length hold.
///
/// GRU: r, u = sigmoid(W_g [x; h] + b_g), c = tanh(W_c [x; r * h] + b_c), h' = u h + (1 - u) c from h = 0
/// (TensorFlow 1's cell: the reset gate comes before the product). On a CPU in float the recurrence has a
/// backward pass of its own.
/// SASRec: one block with one head; both residual connections add the normalised input; padded keys score
/// -2^32 + 1, padded queries attend to nothing; an empty history comes out as the offset of the final norm.
EncoderOutput encode(const NetworkParameters& parameters, const StateEncoderConfig& config,
                     const EncoderInputs& inputs, DropoutMasks& dropout);

/// The attention block that SASRec's encoder is made of and prompts are read with. queries [B, Q, W] are
/// normalised by "<name>.norm" first when `normalise`; keys [B, K, W]; key_mask [B, K] is 0 where a key must
/// not be seen; `causal` (Q = K) hides later keys. Returns queries' residual plus the weighted values,
/// [B, Q, W]. Parameters: "<name>.{query, key, value}.weight" [W, W], ".bias" [W], and the norm's.
struct AttentionOptions {
  bool normalise = true;
  bool causal = false;
  float dropout = 0.0F;      ///< of the attention weights
  torch::Tensor query_mask;  ///< [B, Q], 0 where a query attends to nothing; undefined: none
};
torch::Tensor attention_block(const NetworkParameters& parameters, const std::string& name,
                              const torch::Tensor& queries, const torch::Tensor& keys,
                              const torch::Tensor& key_mask, const AttentionOptions& options,
                              DropoutMasks& dropout);
/// (x - mean) / sqrt(biased variance + 1e-8) * "<name>.gain" + "<name>.offset" over the last axis.
torch::Tensor state_norm(const NetworkParameters& parameters, const std::string& name,
                         const torch::Tensor& values);

}  // namespace veer::nn

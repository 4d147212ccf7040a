// The forward pass of an encoder-decoder as LibTorch operations that autograd can follow: what training
// differentiates, and what the cached decoder is tested against. Needs LibTorch: include from .cpp files
// only.
//
// The decoder's rows are packed: tokens of all rows stand one behind the other, so matrix products see no
// padding; only attention is padded. Rows that follow the same prompt share its encoding: for
// cross-attention, which has no order, all their tokens are queries to the same keys.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "env/nn/seq2seq/seq2seq_net.h"
#include "env/nn/training/dropout_masks_net.h"

namespace veer::nn {

/// What the decoder reads in a shard.
struct DecoderRows {
  std::vector<std::int64_t> tokens;  ///< [sum of lengths] what stands before each label: token 0, then labels
  std::vector<std::int64_t> offsets;  ///< [rows + 1] into tokens
  std::vector<std::int64_t> prompt;   ///< [rows], ascending

  std::int64_t rows() const noexcept { return static_cast<std::int64_t>(prompt.size()); }
};

/// Hidden states [P, S, d] of prompts, tokens int64 [P, S] right-padded with 0. Every prompt has a token.
torch::Tensor encode_prompts(const Seq2SeqNet& net, const torch::Tensor& tokens, DropoutMasks& dropout);

/// Read-outs [sum of lengths, d] after each token, multiplied by d^(-1/2): the scores of tokens are their
/// products with the embedding. `encoded` and `prompts` as above.
torch::Tensor decode_rows(const Seq2SeqNet& net, const torch::Tensor& encoded, const torch::Tensor& prompts,
                          const DecoderRows& rows, DropoutMasks& dropout);

/// [h, n, n] biases of queries (rows) and keys (columns) by their positions.
torch::Tensor position_biases(const Seq2SeqNet& net, std::int64_t length, bool causal);

torch::Tensor rms_norm(const torch::Tensor& values, const torch::Tensor& gain);

}  // namespace veer::nn

// Log-probabilities of paths that stand there already, as LibTorch operations that autograd can follow: what
// pretraining and policy gradients differentiate. Needs LibTorch: include it from .cpp files only.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>
#include <vector>

#include "agents/generative/path_grammar.h"
#include "agents/generative/path_writer.h"
#include "env/nn/seq2seq/seq2seq_forward_net.h"

namespace veer {

/// Paths after their prompts, packed for the decoder.
struct ForcedPaths {
  torch::Tensor prompts;                  ///< int64 [P, S], right-padded with 0
  nn::DecoderRows rows;                   ///< what stands before each label
  std::vector<std::int32_t> labels;       ///< [tokens]
  std::vector<std::int32_t> digit;        ///< [tokens] place of the label in its item's tuple
  std::vector<PathGrammar::State> first;  ///< [rows] what may not be shown

  explicit ForcedPaths(std::int32_t prompt_width) : prompt_width_(prompt_width) { rows.offsets.push_back(0); }
  /// Prompts first, then their paths, in order.
  void add_prompt(std::span<const std::int32_t> tokens);
  /// A path after the newest prompt. An empty one adds nothing.
  void add_path(std::span<const std::int32_t> tokens, PathGrammar::State first, std::int32_t digits);
  /// Makes `prompts`; call it last.
  void close();

 private:
  std::int32_t prompt_width_;
  std::vector<std::int64_t> prompt_tokens_;
};

/// Tokens that choose among the same alternatives: those of one digit (with the end at digit 0), or all
/// tokens at once where the grammar constrains nothing.
struct TokenGroup {
  std::vector<std::int64_t> place;  ///< [n] index into ForcedPaths::labels
  torch::Tensor log_p;              ///< [n, C] natural; what may not follow has about -1e9
  torch::Tensor chosen;             ///< [n] that of the label
};

std::vector<TokenGroup> forced_log_probabilities(const nn::Seq2SeqNet& net, const PathGrammar& grammar,
                                                 const ForcedPaths& paths, nn::DropoutMasks& dropout);

}  // namespace veer

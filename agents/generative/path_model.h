// A network that writes guidance paths: history and target in, items out, token by token. What policies act
// with and what training changes. Torch-free header.
//
// Immutable after construction, cheap to copy, safe to share. Source: Hou et al., "ProRL" (arXiv 2605.28293).
#pragma once

#include <cstdint>
#include <memory>

#include "env/nn/semantic_ids/semantic_ids.h"
#include "env/nn/seq2seq/seq2seq_model.h"

namespace veer {

struct PathModel {
  std::shared_ptr<const nn::SemanticIds> ids;
  nn::Seq2SeqModel network;
  std::int32_t most_history = 10;  ///< newest items of the history that stand in a prompt

  std::int32_t items() const noexcept { return ids->items(); }
  /// Tokens of the longest prompt: history, target, end.
  std::int32_t prompt_width() const noexcept { return (most_history + 1) * ids->layout().digits + 1; }
};

/// Longer prompts than so many tokens are refused: attention grows with the square.
inline constexpr std::int32_t most_prompt_tokens = 2048;
/// Items of history in such a prompt, at most.
std::int32_t longest_prompt_history(const nn::SemanticIds& ids) noexcept;
/// Throws ConfigError.
void check_prompt(const nn::SemanticIds& ids, std::int32_t most_history);

/// Fresh weights for these ids. Throws ConfigError when the sizes make no network; the vocabulary is the
/// ids'.
PathModel initial_path_model(std::shared_ptr<const nn::SemanticIds> ids, nn::Seq2SeqConfig sizes,
                             std::int32_t most_history, std::uint64_t seed);

}  // namespace veer

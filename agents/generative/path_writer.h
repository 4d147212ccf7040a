// Writes paths with a path model: sampled, greedy or by beam search, many for each prompt. Torch-free header.
//
// Each prompt is encoded once, whoever follows it; rows that are finished leave the batch. Thread-safety: a
// writer is immutable and shared by all workers. Determinism: what is written for a prompt depends on the
// prompts of its shard, never on threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agents/generative/path_grammar.h"
#include "agents/generative/path_model.h"
#include "env/nn/seq2seq/seq2seq_decoder.h"
#include "env/random.h"

namespace veer {

struct PathPrompt {
  std::span<const ItemId> history;  ///< oldest first
  ItemId target = no_item;
  StepKey key;                       ///< of the uniforms (Stream::policy); rollout r uses lanes of its own
  std::span<const ItemId> barred{};  ///< items that must not be shown besides what the rules forbid
  std::int32_t most_items = 0;       ///< fewer than the rules allow; 0: as many as they allow
  UserId user = 0;                   ///< for user models with personal parameters
};

/// Paths in structure-of-arrays form, `per_prompt` rows for each prompt, prompt by prompt.
struct WrittenPaths {
  std::int32_t per_prompt = 1;
  std::int32_t most_items = 0;           ///< width of `items`
  std::vector<std::int64_t> offsets{0};  ///< [rows + 1] into tokens and log_prob
  std::vector<std::int32_t> tokens;      ///< the end included
  std::vector<float> log_prob;           ///< natural, of each token under the distribution it is trained by
  std::vector<std::uint8_t> ended;       ///< [rows] 1: by the end token
  std::vector<std::int32_t> length;      ///< [rows] whole items, invalid ones included
  std::vector<ItemId> items;             ///< [rows, most_items] no_item: past the end, or invalid

  std::int32_t rows() const noexcept { return static_cast<std::int32_t>(length.size()); }
  std::span<const std::int32_t> tokens_of(std::int32_t row) const noexcept {
    return std::span(tokens).subspan(at(offsets[at(row)]), at(offsets[at(row) + 1] - offsets[at(row)]));
  }
  std::span<const float> log_prob_of(std::int32_t row) const noexcept {
    return std::span(log_prob).subspan(at(offsets[at(row)]), at(offsets[at(row) + 1] - offsets[at(row)]));
  }
  std::span<const ItemId> items_of(std::int32_t row) const noexcept {
    return std::span(items).subspan(at(row) * at(most_items), at(length[at(row)]));
  }
  double log_prob_sum(std::int32_t row) const noexcept;
};

/// How tokens are picked.
struct WriteOptions {
  std::int32_t per_prompt = 1;
  Mode mode = Mode::sample;  ///< greedy: the most probable token, the lowest number between equals
  double temperature = 1.0;  ///< of sampling; log_prob stays that of temperature 1
  /// Sample among so many tokens with the highest scores; 0: all. log_prob stays that of the whole
  /// distribution, as in the released code, whose hidden value is 50.
  std::int32_t top_k = 0;
};

class PathWriter {
 public:
  PathWriter(const PathModel& model, const PathRules& rules, bool portable = false);

  /// On the calling thread.
  WrittenPaths write(std::span<const PathPrompt> prompts, const WriteOptions& options) const;
  /// The same on all threads, in shards of `shard_prompts` prompts.
  WrittenPaths write_parallel(std::span<const PathPrompt> prompts, const WriteOptions& options,
                              std::int32_t shard_prompts = 8) const;
  /// The `width` most probable paths that beam search over tokens finds, best first; as many rows for every
  /// prompt (a prompt with fewer paths has empty ones at the end). Scores are sums of log-probabilities over
  /// all tokens divided by their number to the power `length_penalty`. On the calling thread.
  WrittenPaths beam(std::span<const PathPrompt> prompts, std::int32_t width,
                    double length_penalty = 1.0) const;

  /// Bytes of keys and values that one such call holds.
  std::size_t cache_bytes(std::int32_t prompts, std::int32_t per_prompt) const noexcept {
    return decoder_.cache_bytes(prompts, model_.prompt_width(), prompts * per_prompt, grammar_.most_tokens());
  }
  const PathGrammar& grammar() const noexcept { return grammar_; }
  const PathModel& model() const noexcept { return model_; }

 private:
  PathModel model_;
  PathGrammar grammar_;
  nn::Seq2SeqDecoder decoder_;
};

}  // namespace veer

// The decoder of an encoder-decoder, one token at a time: prompts are encoded once, keys and values of what
// was read stay in caches, and any number of rows follow the same prompt. Torch-free header.
//
// Thread-safety: a decoder is immutable and shared; a cache belongs to one worker at a time. Ownership:
// callers own caches. Determinism: what a row gives depends on its tokens, its prompt and the number of
// prompts and rows in the call (matrix products of other heights may differ in their last bits).
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "env/nn/seq2seq/seq2seq_model.h"
#include "env/types.h"

namespace veer::nn {

/// Encoded prompts, and what each row has read so far. Made by Seq2SeqDecoder::begin.
class DecoderCache {
 public:
  virtual ~DecoderCache() = default;
};

class Seq2SeqDecoder {
 public:
  /// `portable`: LibTorch operations instead of the fused kernels on the CPU too; what other devices compute.
  explicit Seq2SeqDecoder(const Seq2SeqModel& model, bool portable = false);
  ~Seq2SeqDecoder();

  const Seq2SeqConfig& config() const noexcept;

  /// Encodes `prompts` [P, S], right-padded with 0, each with a token or more, and makes room for `rows` rows
  /// of up to `length` tokens.
  std::unique_ptr<DecoderCache> begin(View<const std::int32_t> prompts, std::int32_t rows,
                                      std::int32_t length) const;

  /// Row rows[i], which follows prompt prompt[i], reads token[i] as its token number `position` (0, 1, ...).
  /// Its read-out becomes read-out i of the cache.
  void step(DecoderCache& cache, std::span<const std::int32_t> rows, std::span<const std::int32_t> prompt,
            std::span<const std::int32_t> token, std::int32_t position) const;

  /// Scores (logits) of tokens first_token, first_token + 1, ... under each read-out: out has a row for each
  /// of the last step's.
  void score(const DecoderCache& cache, std::int32_t first_token, View<float> out) const;

  /// Row to[i] becomes a copy of row from[i] with its first `length` tokens. All rows of `from` are read
  /// before any of `to` is written.
  void copy_rows(DecoderCache& cache, std::span<const std::int32_t> from, std::span<const std::int32_t> to,
                 std::int32_t length) const;

  /// Bytes of a cache.
  std::size_t cache_bytes(std::int32_t prompts, std::int32_t prompt_length, std::int32_t rows,
                          std::int32_t length) const noexcept;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace veer::nn

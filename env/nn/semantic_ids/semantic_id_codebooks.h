// Codebooks of residual quantisation: an item vector becomes one code per level, each the centre nearest to
// what the levels before have left of it. Fitted once by residual k-means over a catalogue and frozen from
// then on, so that items which come later get their codes without changing anybody's. Thread-safety:
// immutable once built; safe to share. Sources: HSRL's residual quantisation (greedy walk, lowest code on
// ties); k_means.h for the fit of a level.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "env/named_arrays.h"
#include "env/nn/semantic_ids/centre_blocks.h"
#include "env/nn/semantic_ids/k_means.h"
#include "env/types.h"

namespace veer::nn {

class SemanticIdCodebooks {
 public:
  /// One [used, width] row-major book of centres per level, none empty, all finite, none with more than
  /// `codes`. Throws DataError.
  SemanticIdCodebooks(std::int32_t codes, std::int32_t width, std::vector<std::vector<float>> levels);

  std::int32_t levels() const noexcept { return static_cast<std::int32_t>(books_.size()); }
  std::int32_t codes() const noexcept { return codes_; }  ///< per level, at most
  std::int32_t width() const noexcept { return width_; }
  /// The centres of a level: [used, width], used <= codes().
  View<const float> centres(std::int32_t level) const noexcept;
  /// The same, to measure distances with.
  const CentreBlocks& blocks(std::int32_t level) const noexcept { return blocks_[at(level)]; }

  /// Codes of a vector, 0-based. `vector`: [width], finite; `codes`: [levels].
  void encode(std::span<const float> vector, std::span<std::int32_t> codes) const;
  /// The centres of these codes added up: what the codes say of a vector. `sum`: [width].
  void decode(std::span<const std::int32_t> codes, std::span<float> sum) const;

  /// "codes" i32, "used" i32 [levels], "centres" f32 [levels, most used, width], zero where a level has
  /// fewer.
  NamedArrays to_arrays() const;
  /// Throws FormatError.
  static SemanticIdCodebooks from_arrays(const NamedArrays& arrays);

 private:
  std::int32_t codes_ = 0;
  std::int32_t width_ = 0;
  std::vector<std::vector<float>> books_;
  std::vector<CentreBlocks> blocks_;
};

struct CodebookOptions {
  std::int32_t levels = 3;
  KMeansOptions k_means;  ///< clusters: codes per level; salt is the level's
  /// Told after each level, on the calling thread.
  std::function<void(std::int32_t level, const KMeansResult& result)> progress;
};

struct CodebookFit {
  SemanticIdCodebooks codebooks;
  /// [N+1, levels], row 0 all zero. Not balanced: what encode() says. Balanced: the assignment of the fit, in
  /// which no code of a level has more than ceil(N / codes) items; items that come later take the nearest
  /// centre.
  std::vector<std::int32_t> codes;
  /// [levels + 1] mean over the items of the squared norm of what is left, before and after each level.
  std::vector<double> residual;
};

/// `vectors`: [N+1, width]; row 0 belongs to the padding item and is not looked at. Throws DataError naming
/// the item whose vector is not finite, ConfigError for options out of range, Interrupted.
CodebookFit fit_codebooks(View<const float> vectors, const CodebookOptions& options);

}  // namespace veer::nn

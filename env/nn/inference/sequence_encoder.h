// Uses a next-item network the way episodes need it: encode a history once, then one item at a time, and read
// out every prefix of many paths that share a history. Torch-free header.
//
// Thread-safety: SequenceEncoder is immutable and shared; a SequenceCache belongs to one caller at a time.
// Ownership: callers own states and caches. Determinism: a row's read-out depends on that row alone; whether
// it was computed one item at a time, rebuilt from its history, or as part of a path changes nothing on the
// CPU, bit for bit, as long as the BLAS rounds a product's element alike for every number of rows (OpenBLAS
// does; tested).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "env/nn/inference/catalogue_scorer.h"
#include "env/nn/sequence_model.h"
#include "env/types.h"
#include "env/user_model.h"

namespace veer::nn {

/// What a network remembers about the rows of one shard besides their state: attention keys and values, on
/// the model's device. Never changes a result: a row whose entry is missing is encoded again from its
/// history.
class SequenceCache {
 public:
  SequenceCache(std::int32_t rows, std::int32_t positions);
  ~SequenceCache();
  /// The contents describe nobody any more: the cache was lent to another shard.
  void forget() noexcept;

 private:
  friend class SequenceEncoder;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Read-outs of histories and of every prefix of the paths after them, [rows, d] packed.
struct PathReadouts {
  std::int32_t width = 0;
  std::vector<float> values;
  std::vector<std::int32_t>
      first;  ///< [paths] row after the path's first accepted item; the next ones follow

  std::int32_t rows() const noexcept {
    return width == 0 ? 0 : static_cast<std::int32_t>(values.size() / static_cast<std::size_t>(width));
  }
  View<const float> view() const noexcept { return {values.data(), rows(), width}; }
  /// Row of a prompt's own read-out is the prompt's number; row of a path's prefix of `accepted` > 0 accepted
  /// items:
  std::int32_t row(std::size_t path, std::int32_t accepted) const noexcept {
    return first[path] + accepted - 1;
  }
};

class SequenceEncoder {
 public:
  explicit SequenceEncoder(const SequenceModel& model, Kernels kernels = Kernels::automatic);
  ~SequenceEncoder();

  const SequenceConfig& config() const noexcept;
  /// Floats per row: the read-out (d), then for GRU4Rec the hidden state. The read-out always comes first.
  std::int32_t state_width() const noexcept;

  std::unique_ptr<SequenceCache> make_cache(std::int32_t rows, std::int32_t history_capacity) const;
  /// Bytes such a cache takes once used; 0 for GRU4Rec, whose state says everything.
  std::size_t cache_bytes(std::int32_t rows, std::int32_t history_capacity) const noexcept;

  /// Encodes the newest `positions` items of the histories of `rows` into `state`. SASRec reads an empty
  /// history as the zero vector (every item equally likely), GRU4Rec as its initial state.
  void begin(Rows rows, View<const ItemId> history, View<const std::int32_t> size, View<float> state,
             SequenceCache& cache) const;

  /// Moves the state of rows[i] past the newest added[i] >= 0 items of its history; 0 leaves it as it is.
  /// SASRec appends to the cached keys while the history fits the positions and the column, and reads the
  /// window again once it slides; GRU4Rec carries its state on.
  void advance(Rows rows, View<const ItemId> history, View<const std::int32_t> size,
               std::span<const std::int32_t> added, View<float> state, SequenceCache& cache) const;

  /// Copies the cache entries of rows from[i] to rows to[i]; the state column is the caller's to copy.
  void copy(Rows from, Rows to, SequenceCache& cache) const;

  /// Histories are encoded once and shared by their paths; refused items are skipped.
  PathReadouts read_paths(const PathQuery& query) const;
  /// Bytes of keys and values that read_paths() holds for `paths` paths, each after a history of its own; 0
  /// for GRU4Rec.
  std::size_t path_bytes(std::int32_t paths, std::int32_t history, std::int32_t path_length) const noexcept;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace veer::nn

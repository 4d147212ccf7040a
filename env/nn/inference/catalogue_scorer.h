// Scores read-outs against the whole catalogue without ever holding the logits: the item table is cut into
// tiles, one matrix product per tile, and what is wanted of the tile (log-sum-exp, count, draw, best few) is
// taken while it is in cache.
//
// Thread-safety: immutable and shared; calls allocate their own scratch. Ownership: shares the model's
// weights and keeps a transposed copy of the item table. Determinism (CPU): tiles depend on the catalogue
// alone and reductions run in item order, so a row's result does not depend on the other rows of the call.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "env/nn/sequence_model.h"
#include "env/types.h"

namespace veer::nn {

/// Which arithmetic to use. `automatic`: fused kernels on the CPU, LibTorch operations elsewhere. `portable`:
/// LibTorch operations everywhere, which is how tests check on any machine what a GPU would run.
enum class Kernels : std::uint8_t { automatic, portable };

class CatalogueScorer {
 public:
  explicit CatalogueScorer(const SequenceModel& model, Kernels kernels = Kernels::automatic);
  ~CatalogueScorer();
  CatalogueScorer(CatalogueScorer&&) noexcept;

  std::int32_t items() const noexcept;  ///< N
  std::int32_t width() const noexcept;  ///< d

  /// The vector of an item, on the host. REQUIRES: 0 <= item <= items().
  std::span<const float> item_vector(ItemId item) const noexcept;
  /// Inner product of a read-out and an item's vector.
  float logit(std::span<const float> readout, ItemId item) const noexcept;

  /// interest[r] = natural log softmax(readout_r . table)[target_r] over all N + 1 rows, the padding row
  /// included with its logit 0 as ProRL does; rank[r] = 1 + number of rows whose logit is strictly greater
  /// than the target's, so ties share the best rank. A target of no_item gives interest 0 and rank 0.
  /// readouts: at least `width()` columns.
  void measure(View<const float> readouts, std::span<const ItemId> target, std::span<float> interest,
               std::span<std::int32_t> rank) const;

  /// The out.width() items with the greatest logits, best first, equal logits by ascending id. Neither the
  /// padding item nor a row's `excluded` items (no_item entries are skipped; an empty view excludes nothing)
  /// appear; where too few remain the row is padded with no_item.
  void best(View<const float> readouts, View<const ItemId> excluded, View<ItemId> out) const;

  /// One item per row from softmax over the items that are not excluded, and its log-probability in that
  /// distribution. A row's uniform in [0, 1) is inverted in item order; an empty `uniforms` takes the most
  /// probable item instead. no_item with log-probability 0 where everything is excluded.
  void pick(View<const float> readouts, View<const ItemId> excluded, std::span<const float> uniforms,
            std::span<ItemId> out, std::span<float> log_prob) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veer::nn

// What a linear head over the whole catalogue, z = W h + b with one row of W per item, is asked for in
// training and evaluation: cross-entropy with gradients, the best item, the scores of a few items, the rank
// of the target. The catalogue is cut into tiles of items; a tile's scores are used while they are in cache,
// and never sorted.
//
// Thread-safety: one thread calls, inside the arena whose workers shall help; the functions on
// CatalogueWeights only read what they are given. Determinism: the cut is a function of the catalogue alone
// and what is added up is added up in the order of the tiles, so nothing depends on the number of threads.
// Torch-free header.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "env/nn/catalogue_training/catalogue_table.h"
#include "env/types.h"

namespace veer::nn {

/// What becomes of the scores between the two halves of a cross-entropy.
enum class ScoreMemory : std::uint8_t {
  automatic,  ///< keep them up to 512 MiB, compute them again beyond
  keep,       ///< one buffer of 4 B n bytes: two products forward, one backward
  recompute,  ///< one tile per thread: two products forward, two backward
};

/// Cross-entropy of states [B, W] against all items of a head, in two halves: what a loss weighs its rows by
/// may depend on the probabilities of the first half (self-supervised actor-critic with propensities). Keep
/// the object from step to step: it keeps its memory.
class CatalogueCrossEntropy {
 public:
  /// `head` must outlive this.
  explicit CatalogueCrossEntropy(CatalogueTable& head, ScoreMemory memory = ScoreMemory::automatic);
  ~CatalogueCrossEntropy();
  CatalogueCrossEntropy(CatalogueCrossEntropy&&) noexcept;

  /// losses[r] = -ln softmax(W states_r + b)[target_r]; e^-loss is the target's probability. REQUIRES:
  /// targets of the head; finite values.
  void forward(View<const float> states, std::span<const ItemId> targets, std::span<float> losses);
  /// The gradient of sum over r of weights[r] * losses[r], weights taken as constants of either sign: written
  /// to state_gradient [B, W] and added to the head's gradient. REQUIRES: forward() before, and no update of
  /// the head in between.
  void backward(std::span<const float> weights, View<float> state_gradient);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// out[r] = the item of the greatest score W states_r + b; the smallest id among equals.
void best_items(const CatalogueWeights& head, View<const float> states, std::span<ItemId> out);

/// rank[r] = 1 + items that score more than the target + items that score the same and have a smaller id; the
/// last rank where the target's score is no finite number.
void target_ranks(const CatalogueWeights& head, View<const float> states, std::span<const ItemId> targets,
                  std::span<std::int32_t> ranks);

/// out(r, j) = score of items(r, j) in states_r, for heads of which a step reads a few items only (action
/// values). Inner products in one fixed order.
void scores_of(const CatalogueWeights& head, View<const float> states, View<const ItemId> items,
               View<float> out);
/// Backward of scores_of: adds to the head's gradient and to state_gradient [B, W]. An item may stand in many
/// rows and more than once in one.
void scores_backward(CatalogueTable& head, View<const float> states, View<const ItemId> items,
                     View<const float> score_gradient, View<float> state_gradient);

}  // namespace veer::nn

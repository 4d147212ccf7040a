// Two heads that read the same states: one imitates the log, the other values items. Only what the log might
// hold may be chosen: items whose imitated probability is more than a share of the likeliest item's. A tile's
// scores of both heads are used while they are in cache.
//
// Source: discrete batch-constrained Q-learning, Fujimoto et al., "Benchmarking batch deep reinforcement
// learning algorithms", 2019 (arXiv 1910.01708). Thread-safety and determinism as in catalogue_head.h.
// Torch-free header.
#pragma once

#include <span>

#include "env/nn/catalogue_training/catalogue_table.h"
#include "env/types.h"

namespace veer::nn {

struct ImitatedValues {
  CatalogueWeights imitation, values;  ///< of the same items and width
  float threshold = 0.3F;              ///< allowed: p(item) > threshold * max p; 0 <= threshold < 1

  /// What an imitation score must exceed, given the row's greatest; -infinity for a threshold of 0.
  float bound(float greatest) const noexcept;
};

/// out[r] = the allowed item of the greatest value; the smallest id among equals.
void best_allowed_items(const ImitatedValues& heads, View<const float> states, std::span<ItemId> out);

/// Ranks in the order that shows allowed items by value and behind them all others by imitation: as
/// target_ranks(), ties by the smaller id.
void allowed_target_ranks(const ImitatedValues& heads, View<const float> states,
                          std::span<const ItemId> targets, std::span<std::int32_t> ranks);

/// One score per item in that order, for one state: values of allowed items; of the others the imitation
/// score below the row's greatest, shifted by so much below the least allowed value that no difference of
/// scores bridges it.
void allowed_scores(const ImitatedValues& heads, std::span<const float> state, std::span<float> out);

/// Adds the gradient of weight * mean over states and items of z^2, z = W h + b, to the head and to
/// state_gradient [B, W], and returns the mean of z^2. By Gram matrices: no score is computed.
double add_square_penalty(CatalogueTable& head, View<const float> states, float weight,
                          View<float> state_gradient);

}  // namespace veer::nn

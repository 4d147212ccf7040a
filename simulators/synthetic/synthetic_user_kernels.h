// The catalogue laid out for speed: utilities of all items for one person, and from them the target's
// log-probability and rank, in one pass over tiles that stay in the first-level cache.
//
// Thread-safety: immutable after construction. Sums run over a fixed number of lanes in a fixed order, so
// results do not depend on threads; they may differ in the last bits between CPU types.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/types.h"
#include "simulators/item_standing.h"

namespace veer {

class ItemScorer {
 public:
  /// utility(item) = offset[item] + sum_t weights[t] * topics[item][t]; `topics` is [N, T] row by row,
  /// `offset` is [N]. REQUIRES: T >= 1, N >= 1.
  ItemScorer(std::span<const float> topics, std::span<const float> offset);

  std::int32_t items() const noexcept { return items_; }
  std::int32_t topics() const noexcept { return topics_; }

  /// Utilities of all items; `out[i]` is item i + 1. `weights` has T values, `out` N.
  void utilities(std::span<const float> weights, std::span<float> out) const noexcept;
  /// Utility of one item; the same bits as utilities() gives it. REQUIRES: 1 <= item <= items().
  float utility(std::span<const float> weights, ItemId item) const noexcept;
  /// Among all items by utility / temperature. REQUIRES: 1 <= target <= items(), inverse_temperature > 0.
  ItemStanding standing(std::span<const float> weights, float inverse_temperature,
                        ItemId target) const noexcept;

 private:
  std::int32_t items_;
  std::int32_t topics_;
  std::int32_t blocks_;
  std::vector<float> packed_;  ///< [blocks, T, lanes]
  std::vector<float> offset_;  ///< [blocks, lanes]; past the catalogue: so low that it never counts
};

}  // namespace veer

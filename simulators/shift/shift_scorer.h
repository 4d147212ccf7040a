// Scores of many tastes against the whole catalogue: log-probability and rank of a target, best few items.
//
// Thread-safety: immutable and shared; calls allocate their own scratch. Ownership: shares the items.
// Determinism (CPU): rows are scored in blocks of a fixed size, so a row's bits do not depend on the others.
// Torch-free header.
#pragma once

#include <memory>
#include <span>

#include "env/types.h"
#include "simulators/shift/shift_items.h"

namespace veer::shift {

class Scorer {
 public:
  explicit Scorer(std::shared_ptr<const Items> items);
  ~Scorer();

  const std::shared_ptr<const Items>& items() const noexcept;

  /// interest[r] = ln p(target[r]), rank[r] = 1 + number of items that score more, both 0 for no_item.
  /// `rows` [n, items.augmented()]: augmented tastes; `recent` [n, R]: every entry that is an item lowers
  /// that item's score by `exposure`; an empty view lowers nothing.
  void measure(View<const float> rows, View<const ItemId> recent, float exposure,
               std::span<const ItemId> target, std::span<float> interest, std::span<std::int32_t> rank) const;

  /// The out.width() items that score most, best first, ties by ascending id, padded with no_item.
  void best(View<const float> rows, View<ItemId> out) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace veer::shift

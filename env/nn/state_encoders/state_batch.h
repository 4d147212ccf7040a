// States of many moments of many sessions: the last T items before each, gathered from flat logs when a batch
// needs them, so that memory does not grow with the number of sessions. Torch-free.
//
// Not thread-safe for writing; rows may be written by different threads after resize().
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/types.h"

namespace veer::nn {

/// Row r is items[r * state_length ...]: oldest first, padded on the right with no_item. A row without a
/// history has length 1 and its one item is no_item: the first event of a session is predicted from the
/// padding row.
class StateBatch {
 public:
  explicit StateBatch(std::int32_t state_length) : state_length_(state_length) {}

  /// Rows keep what they held where they existed before; new ones are empty histories.
  void resize(std::int32_t rows);
  /// Row `row` becomes the state after `history` (oldest first, any length; only the last state_length()
  /// items are read). REQUIRES: 0 <= row < rows(), ids above no_item.
  void set(std::int32_t row, std::span<const ItemId> history);

  std::int32_t rows() const noexcept { return static_cast<std::int32_t>(lengths_.size()); }
  std::int32_t state_length() const noexcept { return state_length_; }
  View<const ItemId> items() const noexcept { return {items_.data(), rows(), state_length_}; }
  std::span<const std::int32_t> lengths() const noexcept { return lengths_; }  ///< 1..T

 private:
  std::int32_t state_length_;
  std::vector<ItemId> items_;
  std::vector<std::int32_t> lengths_;
};

}  // namespace veer::nn

// Item vectors laid out for scoring: a point against many items at a time, an item's own vector, its length.
//
// Thread-safety: immutable. Ownership: copies the table it is made from.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/types.h"

namespace veer {

class ItemSpace {
 public:
  /// Items scored at a time by whoever sweeps the catalogue: their scores and one strip of the table stay in
  /// the first-level cache.
  static constexpr std::int32_t tile = 1024;

  /// `table` [N+1, d], row 0 (padding) unused. With `unit_length` rows are scaled to length 1; an item
  /// without direction stays at the origin. Throws DataError for values that are not finite or too large.
  ItemSpace(View<const float> table, bool unit_length);

  std::int32_t items() const noexcept { return items_; }  ///< N
  std::int32_t width() const noexcept { return width_; }  ///< d

  std::span<const float> vector(ItemId item) const noexcept {
    return {table_.data() + at(item) * at(width_), at(width_)};
  }
  /// |e|^2 / 2 of items first .. first + count - 1.
  std::span<const float> half_squares(ItemId first, std::int32_t count) const noexcept {
    return {half_squares_.data() + first, at(count)};
  }
  /// |e|
  float length(ItemId item) const noexcept;

  /// out[j] += weight * point . e(first + j), summed in the order of dimensions. REQUIRES: d values in
  /// `point`.
  void add_products(float weight, std::span<const float> point, ItemId first,
                    std::span<float> out) const noexcept;

 private:
  std::int32_t items_;
  std::int32_t width_;
  std::vector<float> table_;         ///< [N+1, d]
  std::vector<float> transposed_;    ///< [d, N+1]
  std::vector<float> half_squares_;  ///< [N+1]
};

}  // namespace veer

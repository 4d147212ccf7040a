// Which items share an attribute: one bit per item and attribute.
// Thread-safety: immutable. A table for N items and A attributes takes N * ceil(A / 64) * 8 bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "env/data/dataset.h"

namespace veer {

class AttributeTable {
 public:
  /// A catalogue without attributes gives a table in which nothing is shared.
  explicit AttributeTable(const Catalogue& catalogue);

  /// Whether the two items have at least one attribute in common. Ids outside 1..N, and items without
  /// attributes, share nothing.
  bool share(ItemId a, ItemId b) const noexcept {
    if (a < 1 || b < 1 || a > items_ || b > items_) return false;
    const std::uint64_t* first = bits_.data() + static_cast<std::size_t>(a) * words_;
    const std::uint64_t* second = bits_.data() + static_cast<std::size_t>(b) * words_;
    for (std::size_t w = 0; w < words_; ++w) {
      if ((first[w] & second[w]) != 0) return true;
    }
    return false;
  }

 private:
  ItemId items_;
  std::size_t words_;
  std::vector<std::uint64_t> bits_;
};

}  // namespace veer

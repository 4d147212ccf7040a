// Real-valued vectors of items, as environments of slates and their policies read them: a given table, or one
// learned from logs. Value type; immutable once built, then safe to share.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/types.h"

namespace veer {

/// Row 0 belongs to the padding item and is all zeros.
struct ItemFeatures {
  std::int32_t width = 0;     ///< values per item
  std::vector<float> values;  ///< [(N + 1) * width], row-major

  std::int32_t items() const noexcept {
    return width == 0 ? 0 : static_cast<std::int32_t>(values.size()) / width - 1;
  }
  std::span<const float> of(ItemId item) const noexcept {
    return std::span(values).subspan(at(item) * at(width), at(width));
  }
  View<const float> table() const noexcept { return {values.data(), items() + 1, width}; }
};

}  // namespace veer

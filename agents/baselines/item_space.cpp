#include "agents/baselines/item_space.h"

#include <cmath>
#include <string>

#include "env/error.h"

namespace veer {

ItemSpace::ItemSpace(View<const float> table, bool unit_length)
    : items_(table.rows() - 1),
      width_(table.width()),
      table_(at(table.rows()) * at(width_), 0.0F),
      transposed_(table_.size(), 0.0F),
      half_squares_(at(table.rows()), 0.0F) {
  const std::size_t rows = at(table.rows());
  for (ItemId item = 1; item <= items_; ++item) {
    float square = 0.0F;
    for (const float value : table.row(item)) square += value * value;
    if (!std::isfinite(square)) {
      throw DataError("item table: found values of item " + std::to_string(item) +
                      " that are not finite or too large; expected finite embeddings");
    }
    const float scale = unit_length && square > 0.0F ? 1.0F / std::sqrt(square) : 1.0F;
    for (std::int32_t k = 0; k < width_; ++k) {
      const float value = scale * table(item, k);
      table_[at(item) * at(width_) + at(k)] = value;
      transposed_[at(k) * rows + at(item)] = value;
      half_squares_[at(item)] += 0.5F * value * value;
    }
  }
}

float ItemSpace::length(ItemId item) const noexcept { return std::sqrt(2.0F * half_squares_[at(item)]); }

void ItemSpace::add_products(float weight, std::span<const float> point, ItemId first,
                             std::span<float> out) const noexcept {
  const std::size_t rows = half_squares_.size();
  for (std::size_t d = 0; d < point.size(); ++d) {
    const float* strip = transposed_.data() + d * rows + first;
    const float w = weight * point[d];
    for (std::size_t j = 0; j < out.size(); ++j) out[j] += w * strip[j];
  }
}

}  // namespace veer

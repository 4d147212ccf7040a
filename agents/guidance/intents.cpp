#include "agents/guidance/intents.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "env/error.h"

namespace veer {
namespace {

/// A copy with the padding row that ItemSpace has: row k becomes item k + 1.
ItemSpace centre_space(View<const float> centres) {
  const std::size_t width = at(centres.width());
  std::vector<float> table(width, 0.0F);
  for (std::int32_t k = 0; k < centres.rows(); ++k) {
    const auto centre = centres.row(k);
    table.insert(table.end(), centre.begin(), centre.end());
  }
  return {{table.data(), centres.rows() + 1, centres.width()}, false};
}

}  // namespace

Intents::Intents(View<const float> centres, const ItemSpace& space)
    : centres_(centre_space(centres)), item_intents_(at(space.items()) + 1, 0) {
  const std::int32_t clusters = centres_.items();
  if (clusters < 1 || centres_.width() != space.width()) {
    throw ConfigError("intentions: found " + std::to_string(clusters) + " centres in " +
                      std::to_string(centres_.width()) + " dimensions; expected at least 1 in the items' " +
                      std::to_string(space.width()));
  }
  for (std::int32_t k = 1; k <= clusters; ++k) {
    const float length = centres_.length(k);
    inverse_lengths_.push_back(length > 0.0F ? 1.0F / length : 0.0F);
  }
  for (ItemId item = 1; item <= space.items(); ++item) item_intents_[at(item)] = of(space.vector(item));
  agreement_.assign(at(clusters) * at(clusters), 0.0F);
  for (std::int32_t k = 0; k < clusters; ++k) {
    const std::span<float> row(agreement_.data() + at(k) * at(clusters), at(clusters));
    centres_.add_products(1.0F, centres_.vector(k + 1), 1, row);
    for (float& value : row) value = 1.0F / (1.0F + std::exp(-value));
  }
}

std::int32_t Intents::of(std::span<const float> vector) const {
  std::vector<float> scores(at(size()), 0.0F);
  centres_.add_products(1.0F, vector, 1, scores);
  for (std::size_t k = 0; k < scores.size(); ++k) scores[k] *= inverse_lengths_[k];
  return static_cast<std::int32_t>(std::ranges::max_element(scores) - scores.begin());
}

}  // namespace veer

#include "agents/guidance/target_affinity.h"

#include <algorithm>
#include <cmath>

namespace veer {

TargetAffinity::TargetAffinity(const ItemSpace& space, Similarity similarity) : space_(space) {
  if (similarity == Similarity::dot) return;
  inverse_lengths_.assign(at(space.items()) + 1, 0.0F);
  for (ItemId item = 1; item <= space.items(); ++item) {
    const float length = space.length(item);
    if (length > 0.0F) inverse_lengths_[at(item)] = 1.0F / length;
  }
}

float TargetAffinity::of(std::span<const float> vector, ItemId target) const noexcept {
  const auto goal = space_.vector(target);
  float product = 0.0F;
  float square = 0.0F;
  for (std::size_t d = 0; d < goal.size(); ++d) {
    product += vector[d] * goal[d];
    square += vector[d] * vector[d];
  }
  if (inverse_lengths_.empty()) return product;
  return square > 0.0F ? product * scale(target) / std::sqrt(square) : 0.0F;
}

void TargetAffinity::of_items(ItemId target, ItemId first, std::span<float> out) const noexcept {
  std::ranges::fill(out, 0.0F);
  space_.add_products(scale(target), space_.vector(target), first, out);
  if (inverse_lengths_.empty()) return;
  for (std::size_t j = 0; j < out.size(); ++j) out[j] *= inverse_lengths_[at(first) + j];
}

}  // namespace veer

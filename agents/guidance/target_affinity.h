// How close items and people are to a target, in the space of item vectors.
//
// Thread-safety: immutable.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agents/baselines/item_space.h"
#include "env/types.h"

namespace veer {

enum class Similarity : std::uint8_t {
  dot,     ///< inner product
  cosine,  ///< of the angle between them; 0 for what has no direction
};

class TargetAffinity {
 public:
  /// The space must outlive this.
  TargetAffinity(const ItemSpace& space, Similarity similarity);

  float of(std::span<const float> vector, ItemId target) const noexcept;
  /// out[j] = similarity of item first + j and the target. REQUIRES: target != no_item.
  void of_items(ItemId target, ItemId first, std::span<float> out) const noexcept;

 private:
  /// What the target's products with vectors of length 1 are scaled by.
  float scale(ItemId target) const noexcept {
    return inverse_lengths_.empty() ? 1.0F : inverse_lengths_[at(target)];
  }

  const ItemSpace& space_;
  std::vector<float> inverse_lengths_;  ///< [N+1] 1 / |e|, 0 at the origin; empty for inner products
};

}  // namespace veer

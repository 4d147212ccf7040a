// Intentions: clusters of item vectors, and how well two of them go together. Source: ITMPRec (WWW 2025).
//
// Thread-safety: immutable.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agents/baselines/item_space.h"
#include "env/types.h"

namespace veer {

class Intents {
 public:
  /// `centres` [K, d], copied; `space` holds the items.
  Intents(View<const float> centres, const ItemSpace& space);

  std::int32_t size() const noexcept { return centres_.items(); }
  /// The intention of a vector: 0..K-1, the centre at the smallest angle; the lower number between equals and
  /// for a vector without direction.
  std::int32_t of(std::span<const float> vector) const;
  std::int32_t of_item(ItemId item) const noexcept { return item_intents_[at(item)]; }
  /// [K] sigmoid(c . c_k) of a centre and every other.
  std::span<const float> agreement(std::int32_t intent) const noexcept {
    return {agreement_.data() + at(intent) * at(size()), at(size())};
  }

 private:
  ItemSpace centres_;  ///< centre k is "item" k + 1
  std::vector<float> inverse_lengths_;
  std::vector<std::int32_t> item_intents_;  ///< [N+1]
  std::vector<float> agreement_;            ///< [K, K]
};

}  // namespace veer

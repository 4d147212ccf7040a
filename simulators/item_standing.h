// Where an item stands among all items by their scores. Pure functions; safe from any thread.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "env/types.h"

namespace veer {

/// Interest in and rank of one item.
struct ItemStanding {
  float log_probability = 0.0F;  ///< natural log of its share of the softmax over all scores
  std::int32_t rank = 0;         ///< 1 + number of items with a strictly greater score
};

/// `scores` [N + 1], row 0 unused. no_item stands nowhere: 0 and 0.
inline ItemStanding standing_among(std::span<const float> scores, ItemId target) noexcept {
  if (target == no_item) return {};
  const float own = scores[at(target)];
  double sum = 0.0;
  std::int32_t above = 0;
  for (std::size_t i = 1; i < scores.size(); ++i) {
    sum += std::exp(double{scores[i]} - double{own});
    above += scores[i] > own ? 1 : 0;
  }
  return {static_cast<float>(-std::log(sum)), 1 + above};
}

}  // namespace veer

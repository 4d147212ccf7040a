// Where an item stands among all items by their scores. Pure functions; safe from any thread.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

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

/// The items with the highest scores [N + 1], row 0 unused, the lower number first among equals; as many as
/// `out` takes and there are, then no_item. `order` is scratch.
inline void best_items(std::span<const float> scores, std::vector<ItemId>& order, std::span<ItemId> out) {
  order.resize(scores.size() - 1);
  std::iota(order.begin(), order.end(), 1);
  const auto wanted = static_cast<std::ptrdiff_t>(std::min(out.size(), order.size()));
  std::partial_sort(order.begin(), order.begin() + wanted, order.end(), [&](ItemId a, ItemId b) {
    return scores[at(a)] > scores[at(b)] || (scores[at(a)] == scores[at(b)] && a < b);
  });
  std::copy_n(order.begin(), wanted, out.begin());
  std::fill(out.begin() + wanted, out.end(), no_item);
}

}  // namespace veer

// The k best of a stream of scored items, without sorting: a buffer of 2k, halved by nth_element when full.
// Between equal scores the lower id. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "env/types.h"

namespace veer {

struct ScoredItem {
  ItemId item = no_item;
  float score = 0.0F;
};

class BestFew {
 public:
  /// REQUIRES: k >= 1.
  explicit BestFew(std::int32_t k) : k_(at(k)) { kept_.reserve(2 * k_); }

  /// Items come in ascending order. A score of minus infinity never enters.
  void offer(ItemId item, float score) {
    if (!(score > worst_)) return;
    kept_.push_back({item, score});
    if (kept_.size() == 2 * k_) halve();
  }
  /// The k best of what was offered, or all if there were fewer; in no particular order.
  std::span<const ScoredItem> items() {
    if (kept_.size() > k_) halve();
    return kept_;
  }

 private:
  void halve() {
    const auto last = kept_.begin() + static_cast<std::ptrdiff_t>(k_) - 1;
    std::nth_element(kept_.begin(), last, kept_.end(), [](const ScoredItem& a, const ScoredItem& b) {
      return a.score > b.score || (a.score == b.score && a.item < b.item);
    });
    worst_ = last->score;
    kept_.resize(k_);
  }

  std::size_t k_;
  float worst_ = -std::numeric_limits<float>::infinity();
  std::vector<ScoredItem> kept_;
};

}  // namespace veer

// A catalogue of which a part is replaced: some items are not to be had any more, others are new. What that
// does to an agent that keeps its weights. Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/data/item_features.h"
#include "env/types.h"

namespace veer {

struct CatalogueChurn {
  std::vector<ItemId> gone;   ///< ascending; they stay in histories
  std::vector<ItemId> added;  ///< N + 1 .. N + gone.size()
  ItemFeatures features;      ///< of all: the N items as they were, then the new ones
};

/// Replaces round(share * N) items drawn by `seed`. A new item's vector is mean + ((a - mean) + (b - mean)) /
/// sqrt(2) of two different items a and b of the old catalogue drawn by `seed`, which keeps the catalogue's
/// mean and covariance. Throws ConfigError unless 0 <= share <= 0.9 and there are two items.
CatalogueChurn churn_catalogue(const ItemFeatures& items, double share, std::uint64_t seed);

/// What is kept of a mean: mean(after) / mean(before) over the same episodes, with a 95 % percentile interval
/// from 2,000 resamplings of people (all episodes of a person together; Stream::bootstrap).
struct KeptShare {
  double kept = 0.0, low = 0.0, high = 0.0;
};
/// One value per episode. Throws ConfigError for spans of different or no length, or when the mean before is
/// not above 0.
KeptShare kept_share(std::span<const double> before, std::span<const double> after,
                     std::span<const UserId> people, std::uint64_t seed);

}  // namespace veer

// Slates cut from a log of ratings, for worlds whose people rated items rather than answered slates, and item
// vectors learned from the same log.
//
// Everybody's ratings are cut by time into consecutive groups of `slots`; what is left over is dropped. A
// rating of `liked_from` or more is a click. What was clicked before a group is the history it was shown
// after. Whoever rates has chosen what to rate: clicks are far more frequent than of slates that a
// recommender showed, and how much patience people have cannot be seen in such a log, only assumed. Source:
// the pre-processing of HAC (WWW 2023) as re-run with public notebooks: groups of consecutive ratings, above
// 3 as the positive signal. Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <vector>

#include "env/data/dataset.h"
#include "env/data/item_features.h"
#include "simulators/response/slate_people.h"

namespace veer {

struct RatedSlatesOptions {
  std::int32_t slots = 9;
  float liked_from = 4.0F;
};

/// People keep their number and part; those with fewer ratings than slots have no slate. `profiles` [U *
/// profile_width]. Throws ConfigError for a data set without ratings or profiles of another size.
SlateData slates_of_ratings(const Dataset& data, std::vector<float> profiles, std::int32_t profile_width,
                            const RatedSlatesOptions& options = {});

struct LearnedFeaturesOptions {
  std::int32_t learned = 15;  ///< values per item from the log, after its attributes
  float liked_from = 4.0F;    ///< ignored where there are no ratings: everything counts
  std::int32_t rounds = 30;   ///< of the subspace iteration
  std::uint64_t seed = 1;
};

/// One flag per attribute, then the leading left singular vectors of the item-by-person matrix of likes of
/// the people in the train parts, each person's and item's row scaled by the inverse square root of its
/// number of likes; the learned columns have mean 0 and deviation 1 over items. Found by subspace iteration,
/// signs fixed by the largest entry: equal for every number of threads. Throws ConfigError when there are
/// fewer items or people than columns.
ItemFeatures learned_item_features(const Dataset& data, const LearnedFeaturesOptions& options = {});

}  // namespace veer

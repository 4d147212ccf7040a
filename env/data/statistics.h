// Figures that describe a data set. Thread-safety: pure function.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "env/data/dataset.h"

namespace veer {

struct DatasetStatistics {
  std::int64_t users = 0;
  std::int64_t items = 0;
  std::int64_t interactions = 0;
  std::int64_t attributes = 0;     ///< distinct names
  double attributes_per_item = 0;  ///< mean
  double density = 0;              ///< distinct (user, item) pairs / (users * items), 0..1
  std::int64_t repeats = 0;        ///< interactions of a user with an item met before
  std::int64_t shortest = 0;       ///< interactions of a user, over users
  double median_length = 0;
  double mean_length = 0;
  std::int64_t longest = 0;
  double median_popularity = 0;  ///< interactions with an item, over items
  double top_tenth_share =
      0;            ///< share of the interactions that go to the most popular tenth of the items (rounded up)
  double gini = 0;  ///< of item popularity: 0 all equal, towards 1 all on one item
  bool has_times = false;
  std::int64_t first_time = 0;  ///< Unix seconds
  std::int64_t last_time = 0;
  double same_second_share = 0;  ///< interactions with the same time as the user's interaction before
  bool has_ratings = false;
  double mean_rating = 0;
  std::vector<std::int64_t> interactions_of_behaviour;  ///< as behaviour_names; empty: all of one kind
  std::array<std::int64_t, 4> users_of_part{};          ///< indexed by Part
};

DatasetStatistics statistics_of(const Dataset& dataset);

}  // namespace veer

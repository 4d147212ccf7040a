// Filters over interaction lists, before ids are given. Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <span>

namespace veer {

/// What k-core keeps.
struct CoreSizes {
  std::int64_t users = 0;
  std::int64_t items = 0;
  std::int64_t interactions = 0;
};

/// Drops users with fewer than `user_core` and items with fewer than `item_core` interactions, and goes on
/// until nobody is below (iterative k-core of the bipartite graph; repeated interactions count each time).
/// The result is the unique largest such subset, so the order of the work does not matter. Linear in the
/// number of interactions. `users` and `items` hold 0-based numbers; keep[r] == 0 marks interactions that do
/// not exist, and is cleared for those that fall. REQUIRES: equal lengths; numbers in range.
CoreSizes k_core(std::span<const std::int32_t> users, std::span<const std::int32_t> items,
                 std::int32_t user_count, std::int32_t item_count, int user_core, int item_core,
                 std::span<std::uint8_t> keep);

}  // namespace veer

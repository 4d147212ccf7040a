#include "env/data/filters.h"

#include <algorithm>
#include <vector>

namespace veer {
namespace {

/// Interactions of every node of one side, as flat lists.
struct Side {
  Side(std::span<const std::int32_t> nodes, std::int32_t count, std::span<const std::uint8_t> keep)
      : offsets(static_cast<std::size_t>(count) + 1), degree(static_cast<std::size_t>(count)) {
    for (std::size_t row = 0; row < nodes.size(); ++row) {
      if (keep[row] != 0) ++degree[static_cast<std::size_t>(nodes[row])];
    }
    for (std::size_t node = 0; node < degree.size(); ++node) offsets[node + 1] = offsets[node] + degree[node];
    rows.resize(static_cast<std::size_t>(offsets.back()));
    std::vector<std::int64_t> next(offsets.begin(), offsets.end() - 1);
    for (std::size_t row = 0; row < nodes.size(); ++row) {
      if (keep[row] == 0) continue;
      rows[static_cast<std::size_t>(next[static_cast<std::size_t>(nodes[row])]++)] =
          static_cast<std::int64_t>(row);
    }
  }
  std::vector<std::int64_t> offsets;
  std::vector<std::int64_t> degree;
  std::vector<std::int64_t> rows;
};

}  // namespace

CoreSizes k_core(std::span<const std::int32_t> users, std::span<const std::int32_t> items,
                 std::int32_t user_count, std::int32_t item_count, int user_core, int item_core,
                 std::span<std::uint8_t> keep) {
  Side sides[2] = {Side(users, user_count, keep), Side(items, item_count, keep)};
  const std::span<const std::int32_t> nodes[2] = {users, items};
  const std::int64_t needed[2] = {user_core, item_core};

  struct Fallen {
    int side;
    std::int32_t node;
  };
  std::vector<Fallen> fallen;
  for (int side = 0; side < 2; ++side) {
    for (std::size_t node = 0; node < sides[side].degree.size(); ++node) {
      const std::int64_t degree = sides[side].degree[node];
      if (degree > 0 && degree < needed[side]) fallen.push_back({side, static_cast<std::int32_t>(node)});
    }
  }
  while (!fallen.empty()) {
    const auto [side, node] = fallen.back();
    fallen.pop_back();
    const int other = 1 - side;
    const auto index = static_cast<std::size_t>(node);
    for (std::int64_t i = sides[side].offsets[index]; i < sides[side].offsets[index + 1]; ++i) {
      const auto row = static_cast<std::size_t>(sides[side].rows[static_cast<std::size_t>(i)]);
      if (keep[row] == 0) continue;
      keep[row] = 0;
      const std::int32_t neighbour = nodes[other][row];
      // A neighbour falls once: when its count first drops below what it needs. One that was below from the
      // start is in the list already.
      if (sides[other].degree[static_cast<std::size_t>(neighbour)]-- == needed[other]) {
        fallen.push_back({other, neighbour});
      }
    }
    sides[side].degree[index] = 0;
  }

  CoreSizes sizes;
  const auto present = [](std::int64_t degree) { return degree > 0; };
  sizes.users = std::count_if(sides[0].degree.begin(), sides[0].degree.end(), present);
  sizes.items = std::count_if(sides[1].degree.begin(), sides[1].degree.end(), present);
  sizes.interactions = std::count_if(keep.begin(), keep.end(), [](std::uint8_t kept) { return kept != 0; });
  return sizes;
}

}  // namespace veer

// Guidance paths that people walked by themselves: runs of items of which each shares an attribute with the
// next. Source: Yu et al., "ProRL", section on data construction; the rule as its published files show it.
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "env/data/dataset.h"

namespace veer {

/// The run interactions.items[first .. first + length - 1] of one user. Its last item is the target, the
/// items before it are the path, and the `history` interactions in front of it (MinerOptions) belong to the
/// same user.
struct MinedPath {
  UserId user = 0;
  std::int64_t first = 0;  ///< index into Interactions::items
  std::int32_t length = 0;

  friend bool operator==(const MinedPath&, const MinedPath&) = default;
};

struct MinerOptions {
  std::int32_t history =
      10;  ///< predecessors a run needs: it starts at this 0-based index of the user or later
  std::int32_t min_length = 2;
  std::int32_t max_length = 10;                  ///< longer runs are dropped, not cut
  std::vector<std::string> excluded_attributes;  ///< shared ones of these do not count, "Drama" on MovieLens
};

/// Cuts every user's sequence into maximal runs of consecutive items where each shares at least one attribute
/// with the next, and returns those that the options let through, by user, then by position. Throws
/// ConfigError for lengths that make no sense, or an excluded attribute that the catalogue does not have.
std::vector<MinedPath> mine_paths(const Dataset& dataset, const MinerOptions& options = {});

/// Views of the parts of one mined path.
struct PathExample {
  std::span<const ItemId> history;  ///< MinerOptions::history items, oldest first
  std::span<const ItemId> path;     ///< without the target; may hold repeated items
  ItemId target = no_item;
  UserId user = 0;
};
PathExample example_of(const Dataset& dataset, const MinedPath& path, const MinerOptions& options) noexcept;

}  // namespace veer

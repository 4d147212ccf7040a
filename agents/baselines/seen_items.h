// What a row has seen, so that nothing is recommended twice: its history column, and what it was shown.
//
// The history column alone does not say it: refused items never enter it, and old ones slide out. Policies
// here therefore keep the items they showed in their own state: PolicyState value k of a row is the item
// shown at step k. Ids are stored as float values, exact below 2^24 (constructors check). A row's state is a
// function of that row alone. An item from before the episode counts as seen while it stands in the column.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "env/policy.h"
#include "env/spec.h"

namespace veer {

/// Largest catalogue whose ids a float holds exactly.
inline constexpr std::int32_t max_items_in_state = (1 << 24) - 1;

/// Throws ConfigError unless 1 <= items <= max_items_in_state and horizon >= 1.
void check_sizes(const std::string& policy, std::int32_t items, std::int32_t horizon);

/// A set of items with constant-time look-up, emptied in time of what was in it. One per workspace; not
/// thread-safe.
class SeenItems {
 public:
  explicit SeenItems(std::int32_t items) : marks_(static_cast<std::size_t>(items) + 1, 0) {}

  void clear() noexcept;
  /// no_item and ids outside the catalogue are ignored.
  void add(ItemId item);
  void remove(ItemId item) noexcept;
  bool contains(ItemId item) const noexcept { return marks_[static_cast<std::size_t>(item)] != 0; }

  /// Distinct, in the order they came in.
  std::span<const ItemId> items() const noexcept { return items_; }
  std::int32_t size() const noexcept { return static_cast<std::int32_t>(items_.size()); }

  /// The n-th item of the catalogue, from 1 on, that is not in the set, without a list of all of them;
  /// `sorted` is scratch. REQUIRES: at least n there.
  ItemId nth_outside(std::int32_t n, std::vector<ItemId>& sorted) const;

  /// Empties the set and fills it with the row's history and the items it was shown in this episode.
  void collect(std::int32_t row, const Observation& seen, const PolicyState& state);

 private:
  std::vector<std::uint8_t> marks_;  ///< [N+1]
  std::vector<ItemId> items_;
};

/// Scratch of the policies that need nothing but the set.
class SeenWorkspace : public Workspace {
 public:
  explicit SeenWorkspace(std::int32_t items) : seen(items) {}
  SeenItems seen;
};

/// Notes that `item` is what the row is shown `ahead` steps from now (0: in this step).
inline void remember_shown(std::int32_t row, const Observation& seen, const PolicyState& state, ItemId item,
                           std::int32_t ahead = 0) noexcept {
  const auto step = static_cast<std::int32_t>(seen.step(row)) + ahead;
  if (step < state.values.width()) state.values(row, step) = static_cast<float>(item);
}

/// Whether the target itself may be shown, for every policy alike: a rule of the comparison, not of a policy.
/// The guidance papers forbid nothing (ProRL's released code lets a path contain its target, and scores paths
/// without appending it), so each scenario's rule decides by default:
/// - Acceptance::always, the papers' protocol: not shown. The target is the goal that the path prepares;
///   showing it early would measure how a model reacts to the answer, not how well a path leads there.
/// - Acceptance::sampled: shown. Reaching the target ends the episode, and no one reaches what is never
///   shown.
constexpr bool target_may_be_shown(Acceptance acceptance) noexcept {
  return acceptance == Acceptance::sampled;
}

}  // namespace veer

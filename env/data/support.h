// How much logged data lies around what people are shown: a step that nobody in the logs ever took is a place
// where a model fitted on them guesses.
//
// Thread-safety: immutable once built; step_support is a pure function. Ownership: owns its counts; keeps no
// reference to the data set.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/data/dataset.h"
#include "env/loop/trajectories.h"
#include "env/types.h"

namespace veer {

/// How often one item directly followed another in people's logs.
class TransitionCounts {
 public:
  /// From the logs of `people`.
  TransitionCounts(const Dataset& data, std::span<const UserId> people);

  /// Times that `to` came right after `from`; an item may follow itself. no_item stands before the first item
  /// of a log. REQUIRES: 0 <= from <= N; 0 for any `to` that never followed.
  std::int32_t count(ItemId from, ItemId to) const noexcept;
  std::int64_t transitions() const noexcept { return transitions_; }  ///< of all logs together

 private:
  std::vector<std::int64_t> first_;  ///< [N + 2] where the successors of each item begin
  std::vector<ItemId> next_;         ///< ascending for each item
  std::vector<std::int32_t> count_;
  std::int64_t transitions_ = 0;
};

/// [steps, slots]: for each shown item the transitions in the logs that lead to it from what the person took
/// last before the step, which is what they accepted last or else the newest item of their history; 0 for an
/// empty slot. A count of neighbours in the space of pairs of items, and so a density: divide by
/// transitions() for one that adds up to 1. REQUIRES: items of the catalogue the counts are of.
std::vector<std::int32_t> step_support(const TransitionCounts& counts, const Trajectories& paths);

}  // namespace veer

// Who followed whom in people's logs, counted: the first-order view of a log.
//
// Thread-safety: immutable once built. Ownership: owns its counts; keeps no reference to the data set.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/data/dataset.h"
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
  /// What followed `from`, ascending, and how often each.
  std::span<const ItemId> successors(ItemId from) const noexcept { return row(next_, from); }
  std::span<const std::int32_t> counts(ItemId from) const noexcept { return row(count_, from); }

 private:
  template <class T>
  std::span<const T> row(const std::vector<T>& values, ItemId from) const noexcept {
    const std::size_t begin = at(first_[at(from)]);
    return std::span(values).subspan(begin, at(first_[at(from) + 1]) - begin);
  }

  std::vector<std::int64_t> first_;  ///< [N + 2] where the successors of each item begin
  std::vector<ItemId> next_;         ///< ascending for each item
  std::vector<std::int32_t> count_;
  std::int64_t transitions_ = 0;
};

}  // namespace veer

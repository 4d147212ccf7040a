#include "env/data/transitions.h"

#include <algorithm>
#include <utility>

namespace veer {

TransitionCounts::TransitionCounts(const Dataset& data, std::span<const UserId> people) {
  std::vector<std::pair<ItemId, ItemId>> moves;
  for (const UserId user : people) {
    ItemId last = no_item;
    for (const ItemId item : data.interactions.of(user)) moves.emplace_back(std::exchange(last, item), item);
  }
  std::ranges::sort(moves);
  transitions_ = static_cast<std::int64_t>(moves.size());
  const auto rows = static_cast<std::size_t>(data.catalogue.size()) + 1;
  first_.reserve(rows + 1);
  std::size_t move = 0;
  for (std::size_t from = 0; from < rows; ++from) {
    first_.push_back(static_cast<std::int64_t>(next_.size()));
    while (move < moves.size() && moves[move].first == static_cast<ItemId>(from)) {
      const std::size_t begin = move;
      while (move < moves.size() && moves[move] == moves[begin]) ++move;
      next_.push_back(moves[begin].second);
      count_.push_back(static_cast<std::int32_t>(move - begin));
    }
  }
  first_.push_back(static_cast<std::int64_t>(next_.size()));
}

std::int32_t TransitionCounts::count(ItemId from, ItemId to) const noexcept {
  const std::span<const ItemId> next = successors(from);
  const auto found = std::ranges::lower_bound(next, to);
  return found == next.end() || *found != to ? 0 : counts(from)[at(found - next.begin())];
}

}  // namespace veer

#include "env/data/support.h"

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
  std::size_t at = 0;
  for (std::size_t from = 0; from < rows; ++from) {
    first_.push_back(static_cast<std::int64_t>(next_.size()));
    while (at < moves.size() && moves[at].first == static_cast<ItemId>(from)) {
      const std::size_t begin = at;
      while (at < moves.size() && moves[at] == moves[begin]) ++at;
      next_.push_back(moves[begin].second);
      count_.push_back(static_cast<std::int32_t>(at - begin));
    }
  }
  first_.push_back(static_cast<std::int64_t>(next_.size()));
}

std::int32_t TransitionCounts::count(ItemId from, ItemId to) const noexcept {
  const auto row = static_cast<std::size_t>(from);
  const auto begin = next_.begin() + first_[row], end = next_.begin() + first_[row + 1];
  const auto found = std::lower_bound(begin, end, to);
  return found == end || *found != to ? 0 : count_[static_cast<std::size_t>(found - next_.begin())];
}

std::vector<std::int32_t> step_support(const TransitionCounts& counts, const Trajectories& paths) {
  const auto slots = static_cast<std::size_t>(paths.slots);
  std::vector<std::int32_t> support(paths.items.size(), 0);
  for (std::size_t e = 0; e < paths.episode_id.size(); ++e) {
    const auto size = static_cast<std::size_t>(paths.history_size[e]);
    const std::size_t history = e * static_cast<std::size_t>(paths.history_width);
    ItemId last = size == 0 ? no_item : paths.history[history + size - 1];
    const auto begin = static_cast<std::size_t>(paths.first_step[e]);
    const std::size_t end = begin + static_cast<std::size_t>(paths.length[e]);
    for (std::size_t step = begin; step < end; ++step) {
      const ItemId before = last;
      for (std::size_t at = step * slots; at < (step + 1) * slots; ++at) {
        const ItemId item = paths.items[at];
        if (item == no_item) continue;
        support[at] = counts.count(before, item);
        if ((paths.feedback[at] & feedback::accepted) != 0) last = item;
      }
    }
  }
  return support;
}

}  // namespace veer

#include "agents/baselines/popular_items.h"

#include <algorithm>
#include <numeric>

#include "agents/baselines/seen_items.h"

namespace veer {

PopularItems::PopularItems(std::span<const std::int64_t> counts, const PopularItemsOptions& options)
    : options_(options) {
  const std::int32_t items = static_cast<std::int32_t>(counts.size()) - 1;
  check_sizes(options.name, items, options.horizon);
  spec_ = {.name = options.name, .action = ActionKind::item, .width = 1, .state_width = options.horizon};
  order_.resize(static_cast<std::size_t>(items));
  std::iota(order_.begin(), order_.end(), 1);
  std::ranges::stable_sort(order_, std::greater<>(),
                           [counts](ItemId item) { return counts[static_cast<std::size_t>(item)]; });
}

std::unique_ptr<Workspace> PopularItems::make_workspace(const WorkspaceShape&) const {
  return std::make_unique<SeenWorkspace>(static_cast<std::int32_t>(order_.size()));
}

void PopularItems::act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions, Mode) const {
  SeenItems& excluded = static_cast<SeenWorkspace&>(state.workspace).seen;
  for (const std::int32_t row : rows) {
    excluded.collect(row, seen, state);
    if (!options_.allow_target) excluded.add(seen.target(row));
    const auto found = std::ranges::find_if(order_, [&](ItemId item) { return !excluded.contains(item); });
    const ItemId item = found == order_.end() ? no_item : *found;
    actions.items(row) = item;
    actions.log_prob(row) = 0.0F;
    remember_shown(row, seen, state, item);
  }
}

}  // namespace veer

#include "agents/baselines/random_items.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "agents/baselines/seen_items.h"
#include "env/random.h"

namespace veer {

RandomItems::RandomItems(const RandomItemsOptions& options) : options_(options) {
  check_sizes(options.name, options.items, options.horizon);
  spec_ = {.name = options.name, .action = ActionKind::item, .width = 1, .state_width = options.horizon};
}

std::unique_ptr<Workspace> RandomItems::make_workspace(const WorkspaceShape&) const {
  return std::make_unique<SeenWorkspace>(options_.items);
}

void RandomItems::act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions, Mode) const {
  SeenItems& excluded = static_cast<SeenWorkspace&>(state.workspace).seen;
  std::vector<ItemId> sorted;
  for (const std::int32_t row : rows) {
    excluded.collect(row, seen, state);
    if (!options_.allow_target) excluded.add(seen.target(row));
    const std::int32_t candidates = options_.items - excluded.size();
    if (candidates == 0) {
      actions.items(row) = no_item;
      actions.log_prob(row) = 0.0F;
      continue;
    }
    const auto bound = static_cast<std::uint32_t>(candidates);
    const std::uint32_t place = uniform_below(bound, seen.key(row), Stream::policy);
    const ItemId item = excluded.nth_outside(1 + static_cast<std::int32_t>(place), sorted);
    actions.items(row) = item;
    actions.log_prob(row) = -std::log(static_cast<float>(candidates));
    remember_shown(row, seen, state, item);
  }
}

}  // namespace veer

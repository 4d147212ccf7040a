#include "agents/baselines/nearest_items.h"

#include <algorithm>

#include <cmath>

#include "agents/baselines/seen_items.h"
#include "env/error.h"
#include "env/random.h"

namespace veer {
namespace {

struct NearestWorkspace : SeenWorkspace {
  explicit NearestWorkspace(std::int32_t items) : SeenWorkspace(items) {}
  std::vector<float> point;
  std::vector<float> scores;
  std::vector<ItemId> sorted;
};

}  // namespace

NearestItems::NearestItems(View<const float> table, const NearestItemsOptions& options)
    : options_(options), space_(table, options.distance == ItemDistance::cosine) {
  check_sizes(options.name, space_.items(), options.horizon);
  if (space_.width() < 1 || options.recent < 1) {
    throw ConfigError("policy " + options.name + ": found " + std::to_string(space_.width()) +
                      " dimensions and recent = " + std::to_string(options.recent) +
                      "; expected at least 1 of each");
  }
  if (!(options.random_steps >= 0.0F && options.random_steps <= 1.0F)) {
    throw ConfigError("policy " + options.name +
                      ": found random_steps = " + std::to_string(options.random_steps) + "; expected 0 to 1");
  }
  spec_ = {.name = options.name, .action = ActionKind::item, .width = 1, .state_width = options.horizon};
}

std::unique_ptr<Workspace> NearestItems::make_workspace(const WorkspaceShape&) const {
  return std::make_unique<NearestWorkspace>(space_.items());
}

void NearestItems::waypoint(std::int32_t row, const Observation& seen, std::vector<float>& out) const {
  const auto width = static_cast<std::size_t>(space_.width());
  const std::int32_t size = seen.history_size(row);
  const std::int32_t used = std::min(options_.recent, size);
  const ItemId target = seen.target(row);
  out.assign(width, 0.0F);
  for (std::int32_t k = size - used; k < size; ++k) {
    const auto e = space_.vector(seen.history(row, k));
    for (std::size_t d = 0; d < width; ++d) out[d] += e[d] / static_cast<float>(used);
  }
  if (target == no_item) return;
  const auto goal = space_.vector(target);
  const auto left = std::max(1, options_.horizon - static_cast<std::int32_t>(seen.step(row)));
  const float share = used == 0 ? 1.0F : 1.0F / static_cast<float>(left);
  for (std::size_t d = 0; d < width; ++d) out[d] += share * (goal[d] - out[d]);
}

ItemId NearestItems::nearest(const std::vector<float>& point, const SeenItems& excluded,
                             std::vector<float>& scores) const {
  // |w - e|^2 / 2 = |w|^2 / 2 + |e|^2 / 2 - w.e, and the first term is the same for all.
  ItemId best = no_item;
  float best_score = 0.0F;
  for (std::int32_t first = 1; first <= space_.items(); first += ItemSpace::tile) {
    const std::int32_t count = std::min(ItemSpace::tile, space_.items() + 1 - first);
    const auto half_squares = space_.half_squares(first, count);
    scores.assign(half_squares.begin(), half_squares.end());
    space_.add_products(-1.0F, point, first, scores);
    for (std::size_t j = 0; j < scores.size(); ++j) {
      const auto item = first + static_cast<ItemId>(j);
      if (excluded.contains(item)) continue;
      if (best == no_item || scores[j] < best_score) {
        best = item;
        best_score = scores[j];
      }
    }
  }
  return best;
}

void NearestItems::act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions,
                       Mode mode) const {
  const float share = mode == Mode::greedy ? 0.0F : options_.random_steps;
  auto& scratch = static_cast<NearestWorkspace&>(state.workspace);
  for (const std::int32_t row : rows) {
    actions.log_prob(row) = 0.0F;
    actions.items(row) = no_item;
    if (seen.active(row) == 0) continue;
    scratch.seen.collect(row, seen, state);
    if (!options_.allow_target) scratch.seen.add(seen.target(row));
    waypoint(row, seen, scratch.point);
    const ItemId best = nearest(scratch.point, scratch.seen, scratch.scores);
    ItemId item = best;
    if (share > 0.0F && best != no_item) {
      const std::int32_t others = space_.items() - scratch.seen.size();
      if (uniform(seen.key(row), Stream::explore) < share) {
        const std::uint32_t place =
            uniform_below(static_cast<std::uint32_t>(others), seen.key(row), Stream::explore, 1);
        item = scratch.seen.nth_outside(1 + static_cast<std::int32_t>(place), scratch.sorted);
      }
      actions.log_prob(row) =
          std::log(share / static_cast<float>(others) + (item == best ? 1.0F - share : 0.0F));
    }
    actions.items(row) = item;
    remember_shown(row, seen, state, item);
  }
}

}  // namespace veer

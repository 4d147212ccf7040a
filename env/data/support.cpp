#include "env/data/support.h"

#include <numeric>

namespace veer {

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

TransitionCounts learnable_transitions(const Dataset& data) {
  std::vector<UserId> people = data.users_of(Part::train_plan);
  const std::vector<UserId> judges = data.users_of(Part::train_judge);
  people.insert(people.end(), judges.begin(), judges.end());
  if (people.empty()) {
    people.resize(at(data.interactions.users()));
    std::iota(people.begin(), people.end(), 0);
  }
  return TransitionCounts(data, people);
}

}  // namespace veer

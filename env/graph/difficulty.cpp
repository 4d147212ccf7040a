#include "env/graph/difficulty.h"

#include <algorithm>
#include <cassert>
#include <numeric>

#include "env/graph/shortest_path.h"
#include "env/runtime.h"

namespace veer {

std::string_view name_of(DifficultyTier tier) noexcept {
  switch (tier) {
    case DifficultyTier::easy:
      return "easy";
    case DifficultyTier::medium:
      return "medium";
    case DifficultyTier::hard:
      return "hard";
    case DifficultyTier::unreachable:
      return "unreachable";
  }
  return "unknown";
}

std::int32_t hop_distance(std::span<const std::int32_t> hops_to_target,
                          std::span<const ItemId> sources) noexcept {
  std::int32_t fewest = no_path_hops;
  for (const ItemId item : sources) {
    if (item == no_item || static_cast<std::size_t>(item) >= hops_to_target.size()) continue;
    fewest = std::min(fewest, hops_to_target[static_cast<std::size_t>(item)]);
  }
  return fewest;
}

std::vector<DifficultyTier> difficulty_tiers(const ItemGraph& graph, std::span<const ItemId> targets,
                                             View<const ItemId> histories,
                                             std::span<const std::int32_t> history_size,
                                             const DifficultyOptions& options) {
  assert(static_cast<std::size_t>(histories.rows()) == targets.size() &&
         history_size.size() == targets.size());
  // Episodes with one target side by side, so that each target is searched from once.
  std::vector<std::int32_t> order(targets.size());
  std::iota(order.begin(), order.end(), 0);
  const auto target_of = [&](std::int32_t episode) { return targets[static_cast<std::size_t>(episode)]; };
  std::ranges::stable_sort(order, {}, target_of);
  std::vector<std::size_t> firsts;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || target_of(order[i]) != target_of(order[i - 1])) firsts.push_back(i);
  }
  firsts.push_back(order.size());

  std::vector<DifficultyTier> tiers(targets.size());
  parallel_for(static_cast<std::int64_t>(firsts.size()) - 1, [&](std::int64_t i) {
    const auto group = static_cast<std::size_t>(i);
    const auto episodes = std::span(order).subspan(firsts[group], firsts[group + 1] - firsts[group]);
    const std::vector<std::int32_t> hops = hops_to(graph, target_of(episodes.front()));
    for (const std::int32_t episode : episodes) {
      const auto size = static_cast<std::size_t>(history_size[static_cast<std::size_t>(episode)]);
      const auto recent = std::min(size, static_cast<std::size_t>(options.recent));
      const auto sources = histories.row(episode).subspan(size - recent, recent);
      tiers[static_cast<std::size_t>(episode)] = tier_of(hop_distance(hops, sources), options.limits);
    }
  });
  return tiers;
}

}  // namespace veer

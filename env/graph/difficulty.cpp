#include "env/graph/difficulty.h"

#include <algorithm>

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

}  // namespace veer

// How hard a target is for a person: the number of transitions between what the person knows and the target.
//
// Thread-safety: pure functions; difficulty_tiers uses the workers of the current arena. Tiers turn a mean
// over all targets into means over comparable ones.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "env/graph/item_graph.h"
#include "env/types.h"

namespace veer {

/// The numbers are stored in result tables: append only.
enum class DifficultyTier : std::uint8_t { easy = 0, medium = 1, hard = 2, unreachable = 3 };

std::string_view name_of(DifficultyTier tier) noexcept;

/// Largest number of edges of a tier; more is hard. REQUIRES: 0 <= easy <= medium.
struct TierLimits {
  std::int32_t easy = 1;
  std::int32_t medium = 2;
};

constexpr DifficultyTier tier_of(std::int32_t hops, const TierLimits& limits = {}) noexcept {
  if (hops == no_path_hops) return DifficultyTier::unreachable;
  if (hops <= limits.easy) return DifficultyTier::easy;
  return hops <= limits.medium ? DifficultyTier::medium : DifficultyTier::hard;
}

/// Fewest edges from any of `sources` (a person's recent items; no_item is skipped) to the target, read from
/// hops_to(graph, target). no_path_hops when no source leads there.
std::int32_t hop_distance(std::span<const std::int32_t> hops_to_target,
                          std::span<const ItemId> sources) noexcept;

struct DifficultyOptions {
  std::int32_t recent = 3;  ///< newest history items that count as what the person knows, >= 1
  TierLimits limits;
};

/// The tier of every episode from where it starts: histories[episodes, any width], right-padded, the newest
/// item last among the first history_size[episode]. One breadth-first search per distinct target. REQUIRES:
/// targets in 1..N; as many histories and sizes as targets.
std::vector<DifficultyTier> difficulty_tiers(const ItemGraph& graph, std::span<const ItemId> targets,
                                             View<const ItemId> histories,
                                             std::span<const std::int32_t> history_size,
                                             const DifficultyOptions& options = {});

}  // namespace veer

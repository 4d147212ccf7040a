#include "tools/veer/figures/guidance/difficulty_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace veer::tools {
namespace {

constexpr std::array<DifficultyTier, 4> all_tiers{DifficultyTier::easy, DifficultyTier::medium,
                                                  DifficultyTier::hard, DifficultyTier::unreachable};

std::string transitions(std::int32_t count) {
  return fmt::format("{} transition{}", count, count == 1 ? "" : "s");
}

}  // namespace

EpisodeDifficulty difficulty_of(const ItemGraph& graph, const Trajectories& paths,
                                const DifficultyOptions& options) {
  const View<const ItemId> histories(paths.history.data(), static_cast<std::int32_t>(paths.episodes()),
                                     paths.history_width);
  return {options, difficulty_tiers(graph, paths.episode_target, histories, paths.history_size, options)};
}

std::string meaning_of(DifficultyTier tier, const TierLimits& limits) {
  switch (tier) {
    case DifficultyTier::easy:
      return "at most " + transitions(limits.easy);
    case DifficultyTier::medium:
      return limits.medium == limits.easy + 1
                 ? transitions(limits.medium)
                 : fmt::format("{} to {}", limits.easy + 1, transitions(limits.medium));
    case DifficultyTier::hard:
      return transitions(limits.medium + 1) + " or more";
    case DifficultyTier::unreachable:
      return "no chain of transitions leads there";
  }
  return "";
}

EpisodeGroups groups_of(const EpisodeDifficulty& difficulty) {
  EpisodeGroups out{
      .by = "difficulty",
      .one = "tier",
      .meaning = fmt::format("fewest transitions of the training logs from one of the {} newest "
                             "items to the target",
                             difficulty.options.recent),
      .groups = {},
      .of = {}};
  for (const DifficultyTier tier : all_tiers) {
    out.groups.push_back({std::string(name_of(tier)), meaning_of(tier, difficulty.options.limits)});
  }
  for (const DifficultyTier tier : difficulty.tiers) {
    out.of.push_back(
        static_cast<std::int32_t>(std::find(all_tiers.begin(), all_tiers.end(), tier) - all_tiers.begin()));
  }
  return out;
}

}  // namespace veer::tools

// Results by difficulty: episodes whose targets are about equally far from what the person knows.
// Thread-safety: pure functions of what they are given.
#pragma once

#include <string>
#include <vector>

#include "env/graph/difficulty.h"
#include "env/loop/trajectories.h"
#include "tools/veer/figures/guidance/group_report.h"

namespace veer::tools {

/// The tier of every episode, and what it was found with.
struct EpisodeDifficulty {
  DifficultyOptions options;
  std::vector<DifficultyTier> tiers;  ///< [episodes]
};

/// From the starting histories and targets of the paths; equal for every policy that plays these episodes.
EpisodeDifficulty difficulty_of(const ItemGraph& graph, const Trajectories& paths,
                                const DifficultyOptions& options = {});

/// "2 transitions" and the like: what a tier means.
std::string meaning_of(DifficultyTier tier, const TierLimits& limits);

/// The episodes by tier, for tables.
EpisodeGroups groups_of(const EpisodeDifficulty& difficulty);

}  // namespace veer::tools

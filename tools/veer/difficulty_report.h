// Results by difficulty: the same means as on the leaderboard, over episodes whose targets are about equally
// far from what the person knows. Thread-safety: pure functions of what they are given.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "env/graph/difficulty.h"
#include "env/loop/trajectories.h"
#include "tools/veer/console.h"
#include "tools/veer/leaderboard.h"

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

/// One table per tier that has episodes, under the first judge: IoI, IoR, CTR and the share of reached
/// targets per policy, in the order of the leaderboard. REQUIRES: as many tiers as the board has episodes.
std::string difficulty_text(const Leaderboard& board, const EpisodeDifficulty& difficulty,
                            const Console& console);

/// An array of one entry per judge, tier (those with episodes) and policy: keys judge, tier, episodes,
/// policy, ioi, ior, ctr, reached.
nlohmann::ordered_json difficulty_json(const Leaderboard& board, const EpisodeDifficulty& difficulty);

}  // namespace veer::tools

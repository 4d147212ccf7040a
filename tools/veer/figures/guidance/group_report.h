// Results by group of episodes: the same means as on the leaderboard, over episodes that have something in
// common. Thread-safety: pure functions of what they are given.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tools/veer/figures/guidance/leaderboard.h"
#include "tools/veer/terminal/console.h"

namespace veer::tools {

/// A partition of the episodes of a board.
struct EpisodeGroups {
  struct Group {
    std::string name;     ///< "easy"
    std::string meaning;  ///< "at most 1 transition"
  };
  std::string by;       ///< "difficulty"
  std::string one;      ///< what one of them is called, a key under --json: "tier"
  std::string meaning;  ///< of the partition: a line
  std::vector<Group> groups;
  std::vector<std::int32_t> of;  ///< [episodes] index of the group
};

/// One table per group that has episodes, under the first judge: IoI, IoR, CTR and the share of reached
/// targets per policy, in the order of the leaderboard. REQUIRES: as many episodes as the board has.
std::string groups_text(const Leaderboard& board, const EpisodeGroups& groups, const Console& console);

/// An array of one entry per judge, group (those with episodes) and policy: keys judge, `one`, episodes,
/// policy, ioi, ior, ctr, reached.
nlohmann::ordered_json groups_json(const Leaderboard& board, const EpisodeGroups& groups);

}  // namespace veer::tools

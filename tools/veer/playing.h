// Playing policies in a world: every policy the same episodes, every path scored by every judge, with or
// without a run directory. Call inside the Runtime's arena.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "env/engine.h"
#include "env/recorder.h"
#include "tools/veer/console.h"
#include "tools/veer/leaderboard.h"
#include "tools/veer/world.h"

namespace veer::tools {

struct PlayOptions {
  std::int64_t episodes = 1000;          ///< per policy, ids 0..episodes-1
  std::int64_t segment_episodes = 1024;  ///< per file; what an interruption can cost
  std::uint64_t seed = 1;
  std::int32_t rows = 1024;  ///< episodes in flight; no effect on results
  std::int64_t cache_mb = 1024;
  Mode mode = Mode::sample;
};

/// Called once per policy, in order, with all its judged paths.
using OnPolicy = std::function<void(const std::string& policy, const Trajectories& paths)>;

/// Plays in memory. Throws Interrupted on Ctrl-C.
void play(const World& world, const std::vector<Entrant>& entrants, const PlayOptions& options,
          const Console& console, const OnPolicy& on_policy);

/// Plays what the run directory still misses, creating it if need be, then reads everything back. Returns the
/// digest. On Ctrl-C commits the whole segments and throws Interrupted saying how to go on.
std::string play_into(const std::filesystem::path& directory, const World& world,
                      const std::vector<Entrant>& entrants, const PlayOptions& options,
                      const Console& console, const OnPolicy& on_policy);

}  // namespace veer::tools

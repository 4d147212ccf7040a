// Playing policies in a world: every policy the same episodes, every path scored by every judge, with or
// without a run directory. Call inside the Runtime's arena.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "env/engine.h"
#include "env/recorder.h"
#include "tools/veer/figures/guidance/leaderboard.h"
#include "tools/veer/terminal/console.h"
#include "tools/veer/worlds/world.h"

namespace veer::tools {

struct PlayOptions {
  std::int64_t episodes = 1000;          ///< per policy, ids 0..episodes-1
  std::int64_t segment_episodes = 1024;  ///< per file
  std::uint64_t seed = 1;
  /// Episodes in flight; no effect on results. 0: whole segments, as many as segments_in_flight() says.
  std::int32_t rows = 0;
  std::int64_t cache_mb = 1024;  ///< bound on the key/value caches of people, policies and judges at work
  Mode mode = Mode::sample;
  /// Told of episodes as they are played, judged, some segments at a time; for watching.
  std::function<void(const std::string& policy, const Trajectories& episodes)> on_wave{};
};

/// "drawn actions" or "best guesses": how policies pick, for tables.
constexpr const char* words_of(Mode mode) noexcept {
  return mode == Mode::sample ? "drawn actions" : "best guesses";
}

/// How many segments are played together, and with them what an interruption can cost: as many as fill four
/// shards per thread, at most four per thread and no more than hold 2^22 steps; with PlayOptions::rows, as
/// many as these rows fill; always at least one. In memory are at most the steps of these segments, three
/// times over while judges score them (about 100 bytes per step and 30 more per judge), and 64 MiB
/// that wait to be written; reading the results back takes the steps of one policy.
std::int64_t segments_in_flight(const PlayOptions& options, std::int32_t horizon, int threads);

/// How many episodes to play when `asked` are wanted (0: as many as fit the world): each pair of a list of
/// people and targets once, otherwise 1000. Says on stderr, in one line, when a list of `pairs` is not played
/// just once; `list` names it.
std::int64_t episodes_to_play(std::int64_t asked, std::int64_t pairs, const std::string& list,
                              const Console& console);

/// Episodes that begin with their target among the items the person has already taken.
std::int64_t targets_in_history(const Trajectories& paths);

/// A policy that broke its contract: it crashed, was too late, or answered what is no action.
struct FailedPolicy {
  std::string policy;
  std::string reason;
};

struct Played {
  std::string digest;  ///< of a complete run directory, otherwise empty
  std::vector<FailedPolicy> failed;

  bool has_failed(const std::string& policy) const;
  /// Throws an Error (exit 1) that names all that failed and why.
  void require_all() const;
  /// [{"policy", "reason"}]
  nlohmann::ordered_json failures_json() const;
};

/// Called once per policy that did not fail, in order, with all its judged paths.
using OnPolicy = std::function<void(const std::string& policy, const Trajectories& paths)>;

/// Plays in memory. A policy that fails is left out, the others play on. Throws Interrupted on Ctrl-C.
Played play(const World& world, const std::vector<Entrant>& entrants, const PlayOptions& options,
            const Console& console, const OnPolicy& on_policy);

/// Plays what the run directory still misses, creating it if need be, then reads everything back. Where a
/// policy fails, its whole segments stay, the others play on, and the run is incomplete: the same command,
/// when the policy is mended, plays what is missing and ends with the digest of a run that never failed. On
/// Ctrl-C commits the whole segments and throws Interrupted saying how to go on. Files do not depend on how
/// many segments were played together.
Played play_into(const std::filesystem::path& directory, const World& world,
                 const std::vector<Entrant>& entrants, const PlayOptions& options, const Console& console,
                 const OnPolicy& on_policy);

/// Decides, look after look, whether enough was played.
struct StoppingRule {
  /// The next episodes of a policy, by its place among the entrants, judged.
  std::function<void(std::size_t policy, const Trajectories& batch)> add;
  /// Asked when every policy has played its first so many episodes.
  std::function<bool(std::int64_t episodes)> enough;
};

struct Stopped {
  std::int64_t episodes = 0;  ///< per policy
  std::string digest;         ///< empty without a directory
};

/// The episodes after which a rule is asked: one segment, then a quarter more each time but at least a
/// segment, at last all of PlayOptions::episodes.
std::vector<std::int64_t> looks_of(const PlayOptions& options);

/// Plays until the rule has enough, at most PlayOptions::episodes per policy. What then stands in the
/// directory is, byte for byte, the run of that number of episodes; until then it is an unfinished run of all
/// of them, and the same call goes on with it. A run that was stopped can be played on by a rule that wants
/// more. Without a directory (empty) all paths of all policies stay in memory. Throws Interrupted as
/// play_into does, ConfigError when the directory already holds more episodes than the rule wants, an Error
/// (exit 1) when a policy fails; what was recorded until then stays.
Stopped play_until(const std::filesystem::path& directory, const World& world,
                   const std::vector<Entrant>& entrants, const PlayOptions& options, const Console& console,
                   const StoppingRule& rule, const OnPolicy& on_policy);

}  // namespace veer::tools

#include "tools/veer/worlds/playing.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "env/error.h"
#include "env/policy_error.h"
#include "env/runtime.h"
#include "env/store/run/run_directory.h"
#include "env/store/run/run_manifest.h"
#include "tools/veer/worlds/learned.h"

namespace veer::tools {
namespace {

/// Plays waves of segments, each of one entrant; an engine is kept while the policy stays.
class Player {
 public:
  Player(const World& world, const std::vector<Entrant>& entrants, const PlayOptions& options,
         const Console& console, std::int64_t total)
      : world_(world),
        entrants_(entrants),
        options_(options),
        console_(console),
        in_flight_(segments_in_flight(options, world.scenario().spec().horizon, arena_threads())),
        progress_(console, "evaluate", "episodes", total) {}

  /// The first segments of `left` that are played together: at least one, all of one policy.
  std::span<const Segment> wave(std::span<const Segment> left) const {
    std::size_t count = 0;
    while (count < left.size() && static_cast<std::int64_t>(count) < in_flight_ &&
           left[count].policy == left.front().policy) {
      ++count;
    }
    return left.first(count);
  }

  /// Their episodes, one segment after the other, judged. Nothing when the policy fails.
  std::optional<Trajectories> play(std::span<const Segment> wave) {
    const std::string& name = entrants_[static_cast<std::size_t>(wave.front().policy)].name;
    try {
      return play_all(wave);
    } catch (const PolicyError& error) {
      console_.note(fmt::format("{} is left out: {}", name, error.what()));
      failed_.push_back({name, error.what()});
      return std::nullopt;
    }
  }

  const std::vector<FailedPolicy>& failed() const noexcept { return failed_; }

 private:
  Trajectories play_all(std::span<const Segment> wave) {
    if (interrupted()) throw Interrupted("interrupted");
    const Entrant& entrant = entrants_[static_cast<std::size_t>(wave.front().policy)];
    if (engine_ == nullptr || policy_ != wave.front().policy) make_engine(entrant);
    policy_ = wave.front().policy;
    std::vector<EpisodeId> ids;
    for (const Segment& segment : wave) {
      for (EpisodeId id = segment.first; id < segment.last; ++id) ids.push_back(id);
    }
    Trajectories paths = engine_->evaluate(*entrant.policy, options_.mode, ids, [&](std::int64_t finished) {
      progress_.update(done_ + finished);
    });
    if (world_.panel() != nullptr) world_.panel()->judge(paths, options_.cache_mb);
    done_ += static_cast<std::int64_t>(ids.size());
    if (options_.on_wave) options_.on_wave(entrant.name, paths);
    return paths;
  }

  void make_engine(const Entrant& entrant) {
    EngineOptions engine;
    const std::int64_t most = std::min(in_flight_ * options_.segment_episodes, options_.episodes);
    const std::int64_t rows = options_.rows > 0 ? std::min<std::int64_t>(options_.rows, most) : most;
    engine.rows = static_cast<std::int32_t>(std::min<std::int64_t>(rows, 1 << 24));
    engine.seed = options_.seed;
    engine.cache_mb = options_.cache_mb;
    engine_ = std::make_unique<Engine>(world_.scenario(), entrant.policy->spec(), engine);
    const std::int64_t shards = engine_->shards_at_once(*entrant.policy);
    if (shards >= arena_threads() || shards >= engine_->batch().shards()) return;
    console_.note(fmt::format("--cache-mb {} lets {} of {} threads play {} at once", options_.cache_mb,
                              shards, arena_threads(), entrant.name));
  }

  const World& world_;
  const std::vector<Entrant>& entrants_;
  const PlayOptions& options_;
  const Console& console_;
  std::int64_t in_flight_;
  Progress progress_;
  std::unique_ptr<Engine> engine_;
  std::int32_t policy_ = -1;
  std::int64_t done_ = 0;
  std::vector<FailedPolicy> failed_;
};

/// Those behind the segments of the first one's policy.
std::span<const Segment> without_first_policy(std::span<const Segment> segments) {
  std::size_t count = 0;
  while (count < segments.size() && segments[count].policy == segments.front().policy) ++count;
  return segments.subspan(count);
}

RunHeader header_of(const World& world, const std::vector<Entrant>& entrants, const PlayOptions& options) {
  RunHeader header;
  header.configuration = world.configuration() +
                         fmt::format("mode = \"{}\"\n", options.mode == Mode::sample ? "sample" : "greedy") +
                         // Another program, library or kind of CPU rounds otherwise: one run, one arithmetic.
                         fmt::format("arithmetic = \"veer {}; {}\"\n", VEER_VERSION, learned_version());
  header.scenario = world.scenario().spec().id;
  header.dataset_fingerprint = world.data().fingerprint;
  header.seed = options.seed;
  for (const Entrant& entrant : entrants) header.policies.push_back(entrant.name);
  if (world.panel() != nullptr) header.judges = world.panel()->names();
  header.episodes = options.episodes;
  header.segment_episodes = options.segment_episodes;
  return header;
}

}  // namespace

std::int64_t segments_in_flight(const PlayOptions& options, std::int32_t horizon, int threads) {
  constexpr std::int64_t shards_per_thread = 4, most_steps = std::int64_t{1} << 22;
  const std::int64_t size = options.segment_episodes;
  if (options.rows > 0) return std::max<std::int64_t>(1, options.rows / size);
  const std::int64_t shards = (size - 1) / EngineOptions{}.shard_rows + 1;
  const std::int64_t wanted = (shards_per_thread * threads + shards - 1) / shards;
  return std::max<std::int64_t>(1, std::min(wanted, most_steps / horizon / size));
}

std::int64_t episodes_to_play(std::int64_t asked, std::int64_t pairs, const std::string& list,
                              const Console& console) {
  if (pairs == 0) return asked > 0 ? asked : 1000;
  if (asked == 0 || asked == pairs) return pairs;
  if (asked < pairs) {
    console.note(
        fmt::format("--episodes {} plays the first {} of the {} pairs in {}; without it each is played once",
                    asked, asked, pairs, list));
  } else {
    const std::int64_t rounds = asked / pairs, more = asked % pairs;
    console.note(fmt::format(
        "--episodes {} plays each of the {} pairs in {} {} times{}; without it each is played once", asked,
        pairs, list, rounds, more > 0 ? fmt::format(" and the first {} once more", more) : ""));
  }
  return asked;
}

std::int64_t targets_in_history(const Trajectories& paths) {
  std::int64_t count = 0;
  for (std::int64_t e = 0; e < paths.episodes(); ++e) {
    const auto row = static_cast<std::size_t>(e);
    const auto first = paths.history.begin() + e * paths.history_width;
    const auto last = first + paths.history_size[row];
    const ItemId target = paths.episode_target[row];
    count += target != no_item && std::find(first, last, target) != last ? 1 : 0;
  }
  return count;
}

bool Played::has_failed(const std::string& policy) const {
  return std::ranges::find(failed, policy, &FailedPolicy::policy) != failed.end();
}

void Played::require_all() const {
  if (failed.empty()) return;
  std::string reasons;
  for (const FailedPolicy& each : failed) reasons += fmt::format("\n  {}: {}", each.policy, each.reason);
  throw Error(ExitCode::failure, fmt::format("{} {} failed; what the others did stands:{}", failed.size(),
                                             failed.size() == 1 ? "policy" : "policies", reasons));
}

nlohmann::ordered_json Played::failures_json() const {
  auto out = nlohmann::ordered_json::array();
  for (const FailedPolicy& each : failed) out.push_back({{"policy", each.policy}, {"reason", each.reason}});
  return out;
}

Played play(const World& world, const std::vector<Entrant>& entrants, const PlayOptions& options,
            const Console& console, const OnPolicy& on_policy) {
  Player player(world, entrants, options, console,
                options.episodes * static_cast<std::int64_t>(entrants.size()));
  const std::vector<Segment> segments = planned_segments(header_of(world, entrants, options));
  Trajectories all;
  for (std::span<const Segment> left = segments; !left.empty();) {
    const std::span<const Segment> wave = player.wave(left);
    const std::optional<Trajectories> paths = player.play(wave);
    if (!paths) {
      all = {};
      left = without_first_policy(left);
      continue;
    }
    all.append(*paths);
    left = left.subspan(wave.size());
    if (!left.empty() && left.front().policy == wave.front().policy) continue;
    on_policy(entrants[static_cast<std::size_t>(wave.front().policy)].name, all);
    all = {};
  }
  return {{}, player.failed()};
}

Played play_into(const std::filesystem::path& directory, const World& world,
                 const std::vector<Entrant>& entrants, const PlayOptions& options, const Console& console,
                 const OnPolicy& on_policy) {
  Recorder recorder(directory, header_of(world, entrants, options));
  const std::vector<Segment> missing = recorder.missing();
  std::int64_t episodes = 0;
  for (const Segment& segment : missing) episodes += static_cast<std::int64_t>(segment.last - segment.first);
  const std::int64_t total = options.episodes * static_cast<std::int64_t>(entrants.size());
  if (episodes < total) {
    console.note(fmt::format("{} holds {} of {} episodes already; {}", directory.string(), total - episodes,
                             total, episodes > 0 ? "the rest is played now" : "nothing is left to play"));
  }
  Played out;
  try {
    Player player(world, entrants, options, console, episodes);
    for (std::span<const Segment> left = missing; !left.empty();) {
      const std::span<const Segment> wave = player.wave(left);
      const std::optional<Trajectories> paths = player.play(wave);
      if (!paths) {
        left = without_first_policy(left);
        continue;
      }
      std::int64_t first = 0;
      for (const Segment& segment : wave) {
        const std::int64_t last = first + static_cast<std::int64_t>(segment.last - segment.first);
        recorder.append(segment, cut(*paths, first, last));
        first = last;
      }
      left = left.subspan(wave.size());
    }
    out.failed = player.failed();
  } catch (const Interrupted&) {
    recorder.finish();
    std::int64_t left = 0;
    for (const Segment& segment : recorder.missing())
      left += static_cast<std::int64_t>(segment.last - segment.first);
    throw Interrupted(
        fmt::format("interrupted; {} of {} episodes are safe in {}: the same command goes on from there",
                    total - left, total, directory.string()));
  }
  recorder.finish();
  const RunReader run(directory);
  for (std::size_t policy = 0; policy < entrants.size(); ++policy) {
    if (out.has_failed(entrants[policy].name)) continue;
    on_policy(entrants[policy].name, run.read(static_cast<std::int32_t>(policy)));
  }
  out.digest = run.summary().digest;
  return out;
}

}  // namespace veer::tools

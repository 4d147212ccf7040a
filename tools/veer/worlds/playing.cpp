#include "tools/veer/worlds/playing.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <utility>

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

std::int64_t episodes_of(std::span<const Segment> segments) {
  std::int64_t episodes = 0;
  for (const Segment& segment : segments) episodes += static_cast<std::int64_t>(segment.last - segment.first);
  return episodes;
}

/// `paths`: what the segments of a wave hold, one after the other.
void record(Recorder& recorder, std::span<const Segment> wave, const Trajectories& paths) {
  std::int64_t first = 0;
  for (const Segment& segment : wave) {
    const std::int64_t last = first + static_cast<std::int64_t>(segment.last - segment.first);
    recorder.append(segment, cut(paths, first, last));
    first = last;
  }
}

[[noreturn]] void interrupted_while_recording(Recorder& recorder, std::int64_t total,
                                              const std::filesystem::path& directory) {
  recorder.finish();
  throw Interrupted(
      fmt::format("interrupted; {} of {} episodes are safe in {}: the same command goes on from there",
                  total - episodes_of(recorder.missing()), total, directory.string()));
}

/// The part of the planned segments that lies in episodes [first, last), in their order.
std::vector<Segment> within(std::span<const Segment> segments, std::int32_t policy, std::int64_t first,
                            std::int64_t last) {
  std::vector<Segment> out;
  for (const Segment& segment : segments) {
    if (segment.policy == policy && segment.first >= at(first) && segment.last <= at(last))
      out.push_back(segment);
  }
  return out;
}

/// REQUIRES: ascending by policy and first episode, as segments are planned.
bool holds(std::span<const Segment> segments, const Segment& wanted) {
  return std::binary_search(segments.begin(), segments.end(), wanted, [](const Segment& a, const Segment& b) {
    return std::pair(a.policy, a.first) < std::pair(b.policy, b.first);
  });
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
  const std::int64_t episodes = episodes_of(missing);
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
      record(recorder, wave, *paths);
      left = left.subspan(wave.size());
    }
    out.failed = player.failed();
  } catch (const Interrupted&) {
    interrupted_while_recording(recorder, total, directory);
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

std::vector<std::int64_t> looks_of(const PlayOptions& options) {
  const std::int64_t size = options.segment_episodes;
  std::vector<std::int64_t> looks;
  for (std::int64_t segments = 1; segments * size < options.episodes;
       segments += std::max<std::int64_t>(1, segments / 4)) {
    looks.push_back(segments * size);
  }
  looks.push_back(options.episodes);
  return looks;
}

Stopped play_until(const std::filesystem::path& directory, const World& world,
                   const std::vector<Entrant>& entrants, const PlayOptions& options, const Console& console,
                   const StoppingRule& rule, const OnPolicy& on_policy) {
  RunHeader header = header_of(world, entrants, options);
  const std::vector<Segment> planned = planned_segments(header);
  const std::int64_t total = options.episodes * static_cast<std::int64_t>(entrants.size());
  std::optional<Recorder> recorder;
  std::vector<Segment> missing = planned;
  std::vector<Trajectories> kept(entrants.size());  // with a directory what it held, otherwise all
  if (!directory.empty()) {
    recorder.emplace(directory, header, RunLength::may_change);
    missing = recorder->missing();
    const RunReader run(directory);
    for (std::size_t p = 0; missing.size() < planned.size() && p < entrants.size(); ++p)
      kept[p] = run.read(static_cast<std::int32_t>(p));
  }
  const std::int64_t held = total - episodes_of(missing);
  if (held > 0)
    console.note(fmt::format("{} holds {} episodes already, which count", directory.string(), held));

  Stopped out;
  try {
    Player player(world, entrants, options, console, total);
    /// Hands the rule the episodes of a policy between two looks, from the directory or newly played.
    const auto play_between = [&](std::size_t policy, std::int64_t from, std::int64_t to) {
      const std::vector<Segment> wanted = within(planned, static_cast<std::int32_t>(policy), from, to);
      for (std::span<const Segment> left = wanted; !left.empty();) {
        std::size_t count = 1;
        if (!holds(missing, left.front())) {
          const std::vector<EpisodeId>& ids = kept[policy].episode_id;
          const auto begin = std::lower_bound(ids.begin(), ids.end(), left.front().first) - ids.begin();
          const auto end = std::lower_bound(ids.begin(), ids.end(), left.front().last) - ids.begin();
          rule.add(policy, cut(kept[policy], begin, end));
        } else {
          while (count < left.size() && holds(missing, left[count])) ++count;
          const std::span<const Segment> wave = player.wave(left.first(count));
          const std::optional<Trajectories> paths = player.play(wave);
          if (!paths) {  // no difference to it can be told: what was played is kept, and the reason said
            if (recorder) recorder->finish();
            Played{{}, player.failed()}.require_all();
          }
          rule.add(policy, *paths);
          if (recorder) {
            record(*recorder, wave, *paths);
          } else {
            kept[policy].append(*paths);
          }
          count = wave.size();
        }
        left = left.subspan(count);
      }
    };
    for (const std::int64_t look : looks_of(options)) {
      for (std::size_t p = 0; p < entrants.size(); ++p) play_between(p, out.episodes, look);
      out.episodes = look;
      if (rule.enough(look)) break;
    }
  } catch (const Interrupted&) {
    if (!recorder) throw;
    interrupted_while_recording(*recorder, total, directory);
  }
  if (!recorder) {
    for (std::size_t p = 0; p < entrants.size(); ++p) on_policy(entrants[p].name, kept[p]);
    return out;
  }
  recorder->finish();
  recorder.reset();                       // its lock with it
  std::int64_t whole = options.episodes;  // what the directory held of every policy
  for (const Trajectories& paths : kept)
    whole =
        std::min(whole, paths.episodes() == 0 ? 0 : static_cast<std::int64_t>(paths.episode_id.back()) + 1);
  if (whole > out.episodes) {
    header.episodes = whole;
    Recorder(directory, header, RunLength::may_change).finish();
    throw ConfigError(
        {directory, 0, "--until-halfwidth"},
        {fmt::format("a run of {} episodes, beyond the {} that are enough", whole, out.episodes),
         "at most as many", "ask for a narrower interval, or choose another directory"});
  }
  header.episodes = out.episodes;
  Recorder(directory, header, RunLength::may_change).finish();
  const RunReader run(directory);
  for (std::size_t p = 0; p < entrants.size(); ++p)
    on_policy(entrants[p].name, run.read(static_cast<std::int32_t>(p)));
  out.digest = run.summary().digest;
  return out;
}

}  // namespace veer::tools

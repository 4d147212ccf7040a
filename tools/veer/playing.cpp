#include "tools/veer/playing.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "env/error.h"
#include "env/runtime.h"
#include "env/store/run_directory.h"

namespace veer::tools {
namespace {

/// Plays segments of one entrant after another; an engine is kept while the policy stays.
class Player {
 public:
  Player(const World& world, const std::vector<Entrant>& entrants, const PlayOptions& options,
         const Console& console, std::int64_t total)
      : world_(world),
        entrants_(entrants),
        options_(options),
        progress_(console, "evaluate", "episodes", total) {}

  Trajectories play(const Segment& segment) {
    if (interrupted()) throw Interrupted("interrupted");
    const Entrant& entrant = entrants_[static_cast<std::size_t>(segment.policy)];
    if (engine_ == nullptr || policy_ != segment.policy) {
      EngineOptions engine;
      engine.rows =
          static_cast<std::int32_t>(std::min<std::int64_t>(options_.rows, options_.segment_episodes));
      engine.seed = options_.seed;
      engine.cache_mb = options_.cache_mb;
      engine_ = std::make_unique<Engine>(world_.scenario(), entrant.policy->spec(), engine);
      policy_ = segment.policy;
    }
    std::vector<EpisodeId> ids(segment.last - segment.first);
    std::iota(ids.begin(), ids.end(), segment.first);
    Trajectories paths = engine_->evaluate(*entrant.policy, options_.mode, ids, [&](std::int64_t finished) {
      progress_.update(done_ + finished);
    });
    world_.panel().judge(paths);
    done_ += static_cast<std::int64_t>(ids.size());
    return paths;
  }

 private:
  const World& world_;
  const std::vector<Entrant>& entrants_;
  const PlayOptions& options_;
  Progress progress_;
  std::unique_ptr<Engine> engine_;
  std::int32_t policy_ = -1;
  std::int64_t done_ = 0;
};

std::vector<Segment> segments_of(std::int32_t policy, const PlayOptions& options) {
  std::vector<Segment> out;
  for (std::int64_t first = 0; first < options.episodes; first += options.segment_episodes) {
    const std::int64_t last = std::min(options.episodes, first + options.segment_episodes);
    out.push_back({policy, static_cast<EpisodeId>(first), static_cast<EpisodeId>(last)});
  }
  return out;
}

RunHeader header_of(const World& world, const std::vector<Entrant>& entrants, const PlayOptions& options) {
  RunHeader header;
  header.configuration = world.configuration() +
                         fmt::format("mode = \"{}\"\n", options.mode == Mode::sample ? "sample" : "greedy");
  header.scenario = world.scenario().spec().id;
  header.dataset_fingerprint = world.data().fingerprint;
  header.seed = options.seed;
  for (const Entrant& entrant : entrants) header.policies.push_back(entrant.name);
  header.judges = world.panel().names();
  header.episodes = options.episodes;
  header.segment_episodes = options.segment_episodes;
  return header;
}

}  // namespace

void play(const World& world, const std::vector<Entrant>& entrants, const PlayOptions& options,
          const Console& console, const OnPolicy& on_policy) {
  Player player(world, entrants, options, console,
                options.episodes * static_cast<std::int64_t>(entrants.size()));
  for (std::size_t policy = 0; policy < entrants.size(); ++policy) {
    Trajectories all;
    for (const Segment& segment : segments_of(static_cast<std::int32_t>(policy), options)) {
      Trajectories part = player.play(segment);
      if (segment.first == 0) {
        all = std::move(part);
      } else {
        all.append(part);
      }
    }
    on_policy(entrants[policy].name, all);
  }
}

std::string play_into(const std::filesystem::path& directory, const World& world,
                      const std::vector<Entrant>& entrants, const PlayOptions& options,
                      const Console& console, const OnPolicy& on_policy) {
  Recorder recorder(directory, header_of(world, entrants, options));
  const std::vector<Segment> missing = recorder.missing();
  std::int64_t episodes = 0;
  for (const Segment& segment : missing) episodes += static_cast<std::int64_t>(segment.last - segment.first);
  const std::int64_t total = options.episodes * static_cast<std::int64_t>(entrants.size());
  if (episodes < total) {
    console.note(fmt::format("{} holds {} of {} episodes already; {}", directory.string(), total - episodes,
                             total, episodes > 0 ? "the rest is played now" : "nothing is left to play"));
  }
  try {
    Player player(world, entrants, options, console, episodes);
    for (const Segment& segment : missing) recorder.append(segment, player.play(segment));
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
  for (std::size_t policy = 0; policy < entrants.size(); ++policy) {
    on_policy(entrants[policy].name, read_run(directory, static_cast<std::int32_t>(policy)));
  }
  return read_run_summary(directory).digest;
}

}  // namespace veer::tools

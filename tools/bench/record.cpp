#include "tools/bench/record.h"

#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agents/baselines/random_items.h"
#include "env/engine.h"
#include "env/recorder.h"
#include "env/store/run/run_directory.h"
#include "scenarios/guidance.h"
#include "simulators/synthetic/synthetic_user.h"
#include "tools/bench/bench_world.h"

namespace veer::bench {
namespace {

constexpr std::int32_t horizon = 20;
constexpr std::int64_t episodes_per_segment = 1024, segments_per_wave = 8;

/// A folder that is gone afterwards.
class ScratchRun {
 public:
  ScratchRun() : path_(std::filesystem::temp_directory_path() / ("veer-record-" + std::to_string(getpid()))) {
    clear();
  }
  ~ScratchRun() { clear(); }
  ScratchRun(const ScratchRun&) = delete;
  ScratchRun& operator=(const ScratchRun&) = delete;

  void clear() const {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const noexcept { return path_; }
  double megabytes() const {
    double bytes = 0.0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
      if (entry.is_regular_file()) bytes += static_cast<double>(entry.file_size());
    }
    return bytes / 1e6;
  }

 private:
  std::filesystem::path path_;
};

RunHeader header_of(std::int64_t episodes, std::uint64_t seed) {
  RunHeader out;
  out.scenario = "guidance-v1";
  out.dataset_fingerprint = std::string(64, '0');
  out.seed = seed;
  out.policies = {"random"};
  out.judges = {"users"};
  out.episodes = episodes;
  out.segment_episodes = episodes_per_segment;
  return out;
}

}  // namespace

BenchReport record(const BenchOptions& options) {
  const auto people = std::make_shared<SyntheticUser>(
      std::make_shared<SyntheticWorld>(SyntheticParameters{.items = movielens_items, .seed = options.seed}));
  GuidanceParameters world;
  world.data = random_logs(movielens_items, 1000, 60, options.seed);
  world.users = people;
  world.history = 10;
  world.history_capacity = 50;
  world.horizon = horizon;
  world.acceptance = Acceptance::sampled;
  world.patience = 1000;  // everybody stays
  const GuidanceScenario scenario(world);
  const RandomItems policy({.items = movielens_items, .horizon = horizon});
  const std::int64_t episodes = (options.quick ? 2 : 8) * segments_per_wave * episodes_per_segment;
  Engine engine(scenario, policy.spec(),
                {.rows = segments_per_wave * episodes_per_segment, .seed = options.seed});

  std::int64_t steps = 0;
  const auto play = [&](const std::function<void(EpisodeId first, const Trajectories&)>& keep) {
    steps = 0;
    for (std::int64_t first = 0; first < episodes; first += segments_per_wave * episodes_per_segment) {
      std::vector<EpisodeId> ids(at(segments_per_wave * episodes_per_segment));
      for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<EpisodeId>(first) + i;
      Trajectories paths = engine.evaluate(policy, Mode::sample, ids);
      judge_paths(*people, "users", paths);
      steps += paths.steps();
      if (keep) keep(static_cast<EpisodeId>(first), paths);
    }
  };
  const ScratchRun run;
  const auto with_recorder = [&] {
    run.clear();
    Recorder recorder(run.path(), header_of(episodes, options.seed));
    play([&](EpisodeId first, const Trajectories& paths) {
      for (std::int64_t s = 0; s < segments_per_wave; ++s) {
        const EpisodeId begin = first + static_cast<EpisodeId>(s * episodes_per_segment);
        recorder.append({0, begin, begin + static_cast<EpisodeId>(episodes_per_segment)},
                        cut(paths, s * episodes_per_segment, (s + 1) * episodes_per_segment));
      }
    });
    recorder.finish();
  };
  const auto [recorded, unrecorded] = alternate(options.repetitions, with_recorder, [&] { play({}); });

  BenchCase result;
  result.name = "evaluate 20 steps, synthetic people, one judge";
  result.unit = "steps/s";
  result.engine = static_cast<double>(steps) / recorded;
  result.straightforward = static_cast<double>(steps) / unrecorded;
  result.ratio = result.engine / result.straightforward;
  result.agrees = read_run_summary(run.path()).steps == steps;
  result.figures = {{"steps", static_cast<double>(steps)},
                    {"MB per 10^7 steps", run.megabytes() / static_cast<double>(steps) * 1e7}};
  BenchReport report;
  report.workload = "record";
  report.cases.push_back(result);
  report.notes = {"engine: recorded, the digest included; straightforward: played and judged, nothing kept",
                  "megabytes are of everything in the run directory: random items, which hardly deflate"};
  return report;
}

}  // namespace veer::bench

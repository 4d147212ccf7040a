#include "tools/bench/memory.h"

#include <fstream>
#include <memory>
#include <string>

#include "agents/baselines/random_items.h"
#include "env/engine.h"
#include "scenarios/guidance.h"
#include "simulators/synthetic/synthetic_user.h"
#include "tools/bench/bench_world.h"
#ifdef VEER_WITH_TORCH
#include "simulators/sequence/sequence_user.h"
#endif

namespace veer::bench {
double resident_gib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != "VmRSS:") continue;
    double kib = 0.0;
    status >> kib;
    return kib / (1024.0 * 1024.0);
  }
  return 0.0;
}

namespace {

BenchCase lanes(const std::string& name, const std::shared_ptr<const UserModel>& users, std::int32_t rows,
                const BenchOptions& options) {
  GuidanceParameters world;
  world.data = random_logs(movielens_items, 1000, 60, options.seed);
  world.users = users;
  world.history = 10;
  world.history_capacity = 50;
  world.acceptance = Acceptance::sampled;
  world.weights = {.ioi = 0.0F};
  const GuidanceScenario scenario(world);
  const auto policy =
      std::make_shared<RandomItems>(RandomItemsOptions{.items = movielens_items, .horizon = 10});

  const double before = resident_gib();
  Engine engine(scenario, policy->spec(),
                {.rows = rows, .shard_rows = 128, .seed = options.seed, .cache_mb = options.cache_mb});
  for (int t = 0; t < 3; ++t) engine.step(policy, Mode::sample);
  const double used = resident_gib() - before;
  BenchCase result;
  result.name = name;
  result.unit = "episodes/GiB";
  result.engine = rows / used;
  result.agrees = used < 2.0 * rows / 1e6;
  result.figures = {
      {"episodes", rows}, {"GiB", used}, {"bytes per episode", used * 1024 * 1024 * 1024 / rows}};
  return result;
}

}  // namespace

BenchReport memory(const BenchOptions& options) {
  const std::int32_t rows = options.quick ? 100'000 : 1'000'000;
  BenchReport report;
  report.workload = "memory";
  report.cases.push_back(lanes("synthetic",
                               std::make_shared<SyntheticUser>(std::make_shared<SyntheticWorld>(
                                   SyntheticParameters{.items = movielens_items, .seed = options.seed})),
                               rows, options));
#ifdef VEER_WITH_TORCH
  report.cases.push_back(lanes("gru4rec",
                               make_sequence_user(nn::SequenceModel::initialise(
                                   nn::SequenceConfig::gru4rec(movielens_items), options.seed, "cpu")),
                               rows, options));
#endif
  report.notes = {"resident memory after three steps minus resident memory before the engine was built",
                  "episodes start with 10 items in a history column 50 wide"};
  return report;
}

}  // namespace veer::bench

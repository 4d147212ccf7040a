// How good a policy is in a ClusterWorld: 0 as random slates, 1 as slates of the favourite cluster.
#pragma once

#include <numeric>
#include <vector>

#include "env/engine.h"
#include "tests/toys/cluster_world.h"
#include "tests/toys/policies.h"

namespace veer::toys {

inline double mean_return(const Scenario& world, const Policy& policy, Mode mode) {
  Engine engine(world, policy.spec(), {.rows = 64, .shard_rows = 32, .seed = 77});
  std::vector<EpisodeId> ids(512);
  std::iota(ids.begin(), ids.end(), EpisodeId{1} << 40);
  const Trajectories played = engine.evaluate(policy, mode, ids);
  double sum = 0.0;
  for (const auto each : played.episode_return) sum += double{each};
  return sum / static_cast<double>(ids.size());
}

inline double cluster_score(const Scenario& world, const ClusterWorldOptions& options, const Policy& policy) {
  const double random = mean_return(world, UniformItems(options.items, options.slots), Mode::sample);
  const double best = mean_return(world, ClusterOracle(options), Mode::greedy);
  return (mean_return(world, policy, Mode::greedy) - random) / (best - random);
}

}  // namespace veer::toys

#include <chrono>
#include <cstdio>
#include <numeric>

#include "agents/replay/online_training.h"
#include "agents/slate/hsrl/hsrl_learner.h"
#include "tests/agents/slate/clustered_items.h"
#include "tests/test.h"
#include "tests/toys/cluster_world.h"
#include "tests/toys/policies.h"

namespace veer::slate {
namespace {

double mean_return(const Scenario& world, const Policy& policy, Mode mode = Mode::greedy) {
  Engine engine(world, policy.spec(), {.rows = 64, .shard_rows = 32, .seed = 77});
  std::vector<EpisodeId> ids(512);
  std::iota(ids.begin(), ids.end(), EpisodeId{1} << 40);
  const Trajectories played = engine.evaluate(policy, mode, ids);
  double sum = 0.0;
  for (const auto each : played.episode_return) sum += double{each};
  return sum / static_cast<double>(ids.size());
}

}  // namespace

TEST_CASE("HSRL learns whom to show what") {
  const toys::ClusterWorldOptions options;
  const toys::ClusterWorld world(options);
  const auto catalogue = toys::clustered_catalogue(options.items, options.clusters, 2, 16);
  const double random = mean_return(world, toys::UniformItems(options.items, options.slots), Mode::sample);
  const double oracle = mean_return(world, toys::ClusterOracle(options));
  std::printf("random %.3f oracle %.3f poor %.3f\n", random, oracle,
              mean_return(world, toys::ClusterOracle(options, 1)));
  for (int v = 0; v < 4; ++v) {
    HsrlOptions agent = hsrl_profile("recommended", 2, 16, toys::item_width);
    agent.encoder.positions = 12;
    agent.encoder.width = 16;
    agent.encoder.heads = 2;
    agent.encoder.inner = 32;
    agent.encoder.layers = 1;
    if (v == 0) agent.most_importance = 1.0F;
    if (v == 1) agent.most_importance = 2.0F, agent.cloning_rate = 1e-3F;
    if (v == 2) agent.cloning_rate = 1e-3F, agent.actor_rate = 3e-4F;
    if (v == 3) agent.actor_rate = 3e-4F;
    HsrlLearner learner(agent, catalogue, options.slots, 5);
    OnlineOptions online;
    online.engine = {.rows = 32, .shard_rows = 32, .seed = 5};
    online.steps = 32 * 1000;
    online.replay = v == 3 ? 1000 : 4000;
    online.learning_starts = 500;
    online.report_every = 8000;
    online.progress = [](const OnlineProgress& p) {
      std::printf("%lld return %.3f entropy %.3f closs %.4f adv %.3f %.1fs\n", static_cast<long long>(p.step),
                  p.mean_return, p.stats.at("entropy"), p.stats.at("critic_loss"), p.stats.at("advantage"),
                  p.seconds);
    };
    const OnlineResult r = train_online(world, learner, online);
    const double found = mean_return(world, *learner.snapshot());
    std::printf("variant %d greedy %.3f score %.3f acting %.2f updating %.2f\n", v, found,
                (found - random) / (oracle - random), r.acting_seconds, r.updating_seconds);
    CHECK((found - random) / (oracle - random) > 0.8);
  }
}

}  // namespace veer::slate

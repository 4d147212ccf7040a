#include "agents/replay/online_training.h"

#include <tbb/task_arena.h>

#include <filesystem>

#include "agents/baselines/slates.h"
#include "agents/slate/hsrl/hsrl_learner.h"
#include "agents/slate/latent/latent_learner.h"
#include "env/error.h"
#include "env/runtime.h"
#include "tests/agents/slate/cluster_scores.h"
#include "tests/agents/slate/clustered_items.h"
#include "tests/test.h"

namespace veer::slate {
namespace {

const toys::ClusterWorldOptions world_options;

template <class Options>
Options smaller(Options o) {
  o.encoder.positions = 12;
  o.encoder.width = 16;
  o.encoder.heads = 2;
  o.encoder.inner = 32;
  o.encoder.layers = 1;
  return o;
}

HsrlOptions small_hsrl(std::string_view profile) {
  return smaller(hsrl_profile(profile, 2, 16, toys::item_width));
}

LatentOptions small_latent(LatentKind kind) {
  LatentOptions o = smaller(latent_defaults(kind, toys::item_width));
  o.candidates = 24;
  o.actor_rate = 1e-3F;
  return o;
}

std::unique_ptr<Learner> hsrl_learner(const HsrlOptions& o) {
  return std::make_unique<HsrlLearner>(
      o, toys::clustered_catalogue(world_options.items, world_options.clusters, 2, 16), world_options.slots,
      5);
}

std::unique_ptr<Learner> latent_learner(LatentKind kind) {
  const auto vectors = toys::clustered_vectors(world_options.items, world_options.clusters);
  return std::make_unique<LatentLearner>(
      small_latent(kind), std::make_shared<ItemVectors>(toys::rows_of(vectors)), world_options.slots, 5);
}

OnlineOptions some_steps(std::int64_t updates) {
  OnlineOptions o;
  o.engine = {.rows = 32, .shard_rows = 32, .seed = 5};
  o.steps = 32 * updates;
  o.replay = 4000;
  o.learning_starts = 500;
  o.report_every = 3200;
  return o;
}

NamedArrays bytes_of(const Learner& learner) {
  NamedArrays out;
  learner.save(out);
  return out;
}

bool same(const NamedArrays& a, const NamedArrays& b) {
  bool equal = a.all().size() == b.all().size();
  for (const auto& [name, array] : a.all())
    equal = equal && b.contains(name) && array.bytes == b.at(name).bytes;
  return equal;
}

}  // namespace

TEST_CASE("HSRL comes near the best slates, with either residual") {
  const toys::ClusterWorld world(world_options);
  for (const Residual residual : {Residual::soft, Residual::sampled}) {
    HsrlOptions o = small_hsrl("recommended");
    o.residual = residual;
    const auto learner = hsrl_learner(o);
    CHECK(toys::cluster_score(world, world_options, *learner->snapshot()) < 0.4);
    const OnlineResult result = train_online(world, *learner, some_steps(300));
    CHECK(toys::cluster_score(world, world_options, *learner->snapshot()) > 0.7);
    CHECK(result.records.back().mean_return > result.records.front().mean_return + 1.0);
    CHECK(result.records.front().episodes > 100);
    CHECK(result.records.front().mean_length >= 2.0);
  }
}

TEST_CASE("every baseline learns on the same loop") {
  const toys::ClusterWorld world(world_options);
  // Deterministic actors go astray where the critic has not been: far less is asked of them.
  const double least[] = {0.7, 0.1, 0.4, 0.7, 0.1, 0.7};
  for (std::size_t kind = 0; kind < latent_names.size(); ++kind) {
    INFO(latent_names[kind]);
    const auto learner = latent_learner(static_cast<LatentKind>(kind));
    train_online(world, *learner, some_steps(250));
    CHECK(toys::cluster_score(world, world_options, *learner->snapshot()) > least[kind]);
  }
}

TEST_CASE("the same bytes for any number of threads") {
  const toys::ClusterWorld world(world_options);
  for (const char* profile : {"recommended", "reference"}) {
    HsrlOptions o = small_hsrl(profile);
    o.cloning_rate = 1e-3F;
    NamedArrays in_turns;
    for (const std::int32_t staleness : {0, 1}) {
      NamedArrays first;
      for (const int threads : {1, 3}) {
        const auto learner = hsrl_learner(o);
        OnlineOptions options = some_steps(30);
        options.staleness = staleness;
        tbb::task_arena(threads).execute([&] { train_online(world, *learner, options); });
        if (threads == 1) {
          first = bytes_of(*learner);
        } else {
          CHECK(same(first, bytes_of(*learner)));
        }
      }
      if (staleness == 0) in_turns = first;
      CHECK(same(in_turns, first) == (staleness == 0));
    }
  }
}

TEST_CASE("interrupted training goes on to the same bytes") {
  const toys::ClusterWorld world(world_options), judge(world_options);
  const auto folder = std::filesystem::temp_directory_path() / "veer_online_training_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const auto make = [&](int which) {
    return which != 1 ? hsrl_learner(small_hsrl("recommended")) : latent_learner(LatentKind::ddpg);
  };
  for (const int which : {0, 1, 2}) {
    OnlineOptions options = some_steps(60);
    if (which == 2) {  // a warm-up, and collections on their way when training is interrupted
      options.staleness = 3;
      options.warm_up = std::make_shared<RandomSlates>("random", world_options.items, world_options.slots);
    }
    options.report_every = 320;
    options.evaluation = &judge;
    options.evaluation_episodes = 64;
    options.identity = "test";
    const auto whole = make(which);
    options.checkpoint = folder / ("whole" + std::to_string(which));
    const OnlineResult expected = train_online(world, *whole, options);
    options.checkpoint = folder / ("halves" + std::to_string(which));
    int reports = 0;
    options.progress = [&](const OnlineProgress&) {
      if (++reports == 3) request_interrupt();
    };
    const auto halves = make(which);
    CHECK_THROWS_AS(train_online(world, *halves, options), Interrupted);
    clear_interrupt();
    options.progress = {};
    const auto resumed = make(which);
    const OnlineResult found = train_online(world, *resumed, options);
    CHECK(same(bytes_of(*whole), bytes_of(*resumed)));
    CHECK(found.best_step == expected.best_step);
    REQUIRE(found.records.size() == expected.records.size());
    for (std::size_t i = 0; i < found.records.size(); ++i) {
      CHECK(found.records[i].evaluated_return == expected.records[i].evaluated_return);
      CHECK(found.records[i].mean_return == expected.records[i].mean_return);
    }
    // Another training does not go on from it.
    options.engine.seed = 6;
    CHECK_THROWS_AS(train_online(world, *resumed, options), ConfigError);
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE("the weights of the best evaluation are kept, a budget ends training, and options are checked") {
  const toys::ClusterWorld world(world_options);
  OnlineOptions options = some_steps(80);
  options.evaluation = &world;
  options.evaluation_episodes = 128;
  options.report_every = 640;
  const auto learner = latent_learner(LatentKind::ddpg);
  const OnlineResult result = train_online(world, *learner, options);
  double best = -1.0;
  std::int64_t best_step = 0;
  for (const OnlineRecord& record : result.records) {
    if (record.evaluated_return > best) best_step = record.step, best = record.evaluated_return;
  }
  CHECK(result.best_step == best_step);
  CHECK(result.end == OnlineEnd::all_done);
  options.steps = std::int64_t{1} << 40;
  options.budget_seconds = 0.2;
  CHECK(train_online(world, *learner, options).end == OnlineEnd::budget);
  options.replay = 10;
  CHECK_THROWS_AS(train_online(world, *learner, options), ConfigError);
}

}  // namespace veer::slate

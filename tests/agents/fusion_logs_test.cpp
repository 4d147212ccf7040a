// Logs of policies and of learning in a small feed, and training from them: densities, regimes, interruption.
#include "agents/fusion/learning/fusion_logs.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <numeric>

#include "agents/baselines/mixed_weights.h"
#include "agents/baselines/noisy_weights.h"
#include "agents/baselines/plain_weights.h"
#include "agents/fusion/fusion_model_file.h"
#include "agents/fusion/learning/log_training.h"
#include "env/error.h"
#include "scenarios/fusion/fusion.h"
#include "tests/test.h"

namespace veer::fusion {
namespace {

using doctest::Approx;

FusionScenario small_feed() {
  FusionWorldParameters world;
  world.items = 60;
  world.people = 20;
  FusionParameters p;
  p.world = std::make_shared<const FusionWorld>(world);
  p.candidates = 8;
  p.slots = 2;
  p.horizon = 6;
  return FusionScenario(std::move(p));
}

TransitionLog log_with(Transitions transitions, bool grows = false) {
  TransitionLog log;
  log.manifest.scenario = "fusion-v1";
  log.manifest.grows = grows;
  log.manifest.largest_reward = 10.0;
  log.manifest.horizon = 6;
  log.transitions = std::move(transitions);
  return log;
}

FusionOptions small_agent(FusionKind kind, const Scenario& world) {
  FusionOptions o = fusion_defaults(kind, world.spec().features, world.spec().reals);
  o.hidden = o.vae_hidden = 8;
  o.batch = 16;
  o.samples = 2;
  o.candidates = 3;
  o.passes = 2;
  return o;
}

}  // namespace

TEST_CASE("a log of a policy holds its densities, whole episodes, and the same bytes every time") {
  const FusionScenario feed = small_feed();
  const auto base = std::make_shared<ConstantWeights>("half", std::vector<float>(12, 0.5F));
  const auto mixed = std::make_shared<MixedWeights>("mixed", base, 0.1F, 0.25);
  const LogOptions options{.steps = 200, .rows = 16, .seed = 3};
  const TransitionLog log = log_with(log_of_policy(feed, mixed, options));
  const Transitions& t = log.transitions;
  CHECK(t.count == 208);  // whole batches
  const auto episodes = episodes_of(log, "log");
  CHECK(episodes.size() > 16);
  std::int64_t uniform_like = 0;
  for (std::size_t i = 0; i < at(t.count); ++i) {
    double noisy = 0.0;
    for (std::size_t k = 0; k < 12; ++k) {
      noisy += cut_normal_log_density(0.5, double{0.1F}, double{t.action_reals[12 * i + k]});
    }
    const double expected = std::log(0.25 * std::exp2(-12.0) + 0.75 * std::exp(noisy));
    CHECK(double{t.log_prob[i]} == Approx(expected).epsilon(1e-4));
    uniform_like += noisy < std::log(std::exp2(-12.0)) ? 1 : 0;
  }
  // A quarter of 208, with four standard deviations of room.
  CHECK(uniform_like > 27);
  CHECK(uniform_like < 77);
  CHECK(transition_bytes(log) == transition_bytes(log_with(log_of_policy(feed, mixed, options))));
}

TEST_CASE("a log of learning begins with random weights, then follows the agent with noise") {
  const FusionScenario feed = small_feed();
  const Transitions first =
      log_of_policy(feed, std::make_shared<RandomWeights>("random", 12), {.steps = 100, .rows = 8});
  FusionLearner learner(small_agent(FusionKind::ddpg, feed), scale_of_states(LoggedTransitions(first)), 1);
  LearningLogOptions options;
  options.steps = 160;
  options.rows = 8;
  options.noise = 0.05F;
  options.updates = 2;
  options.learning_starts = 80;
  const Transitions log = log_of_learning(feed, learner, options);
  CHECK(log.count == 160);
  // Collections of 8: ten of random weights, and an update after the tenth and every one that follows.
  CHECK(learner.updates() == 22);
  const float random_density = -12.0F * std::log(2.0F);
  for (std::size_t i = 0; i < at(log.count); ++i) {
    CAPTURE(i);
    CHECK((log.log_prob[i] == Approx(random_density)) == (i < 80));
    if (i >= 80) CHECK(log.log_prob[i] > random_density);  // noise of 0.05 is dense
  }
}

TEST_CASE("training on a log goes on after an interruption as if there had been none") {
  const FusionScenario feed = small_feed();
  const TransitionLog log = log_with(
      log_of_policy(feed, std::make_shared<RandomWeights>("random", 12), {.steps = 1200, .rows = 16}), true);
  for (const FusionKind kind : {FusionKind::bcq, FusionKind::uwac, FusionKind::bc}) {
    CAPTURE(fusion_kind_names[static_cast<std::size_t>(kind)]);
    const std::filesystem::path checkpoint =
        std::filesystem::temp_directory_path() / "veer-fusion-logs-test.checkpoint";
    std::filesystem::remove(checkpoint);
    const auto learner = [&] {
      return FusionLearner(small_agent(kind, feed), scale_of_states(LoggedTransitions(log.transitions)), 1);
    };
    LogTrainingOptions options;
    options.updates = 12;
    options.report_every = 4;
    options.world = &feed;
    options.episodes = 8;
    FusionLearner straight = learner();
    const auto whole = train_on_log(straight, log, options);
    REQUIRE(whole.size() == 3);
    CHECK(whole.back().mean_length >= 1.0);
    CHECK(std::isfinite(whole.back().realised));
    CHECK(whole.back().stats.empty() == false);

    options.checkpoint = checkpoint;
    options.checkpoint_seconds = 1e-9;  // before every update
    FusionLearner broken = learner();
    struct Stop {};
    options.progress = [&](const LogTrainingRecord& r, double) {
      if (r.update == 8) throw Stop{};
    };
    CHECK_THROWS_AS(train_on_log(broken, log, options), Stop);
    options.progress = nullptr;
    FusionLearner resumed = learner();
    const auto rest = train_on_log(resumed, log, options);
    REQUIRE(rest.size() == 3);
    for (std::size_t r = 0; r < 3; ++r) {
      CHECK(rest[r].update == whole[r].update);
      CHECK(rest[r].believed == whole[r].believed);
      CHECK(rest[r].realised == whole[r].realised);
      CHECK(rest[r].stats == whole[r].stats);
    }
    CHECK(model_bytes(fusion_file(resumed.model(), {})) == model_bytes(fusion_file(straight.model(), {})));
    options.identity = "another log";
    FusionLearner other = learner();
    CHECK_THROWS_AS(train_on_log(other, log, options), ConfigError);
    std::filesystem::remove(checkpoint);
  }
}

TEST_CASE("divergence is a mean value above twice the largest return") {
  TransitionManifest m;
  m.largest_reward = 2.0;
  m.horizon = 3;
  CHECK(largest_return(m, 0.5) == Approx(2.0 * 1.75));
  CHECK_FALSE(has_diverged(6.9, m, 0.5));
  CHECK(has_diverged(7.1, m, 0.5));
  CHECK(has_diverged(std::nan(""), m, 0.5));
}

TEST_CASE("fusion agents stand in model files and act from them as before") {
  const FusionScenario feed = small_feed();
  const Transitions log =
      log_of_policy(feed, std::make_shared<RandomWeights>("random", 12), {.steps = 100, .rows = 8});
  for (std::size_t kind = 0; kind < fusion_kind_names.size(); ++kind) {
    CAPTURE(fusion_kind_names[kind]);
    FusionLearner learner(small_agent(static_cast<FusionKind>(kind), feed),
                          scale_of_states(LoggedTransitions(log)), 1);
    const ModelFile file = fusion_file(learner.model(), {});
    const FusionModel read = fusion_from(parse_model(model_bytes(file), "m"));
    CHECK(read.options().to_hyper_parameters() == learner.model().options().to_hyper_parameters());
    ModelFile damaged = file;
    std::vector<float> probe(file.probe.get<float>("output/actions").begin(),
                             file.probe.get<float>("output/actions").end());
    probe[0] += 0.5F;
    damaged.probe.set<float>("output/actions", probe);
    CHECK_THROWS_AS(fusion_from(damaged), VerificationError);
    ModelFile foreign = file;
    foreign.manifest.kind = "hsrl";
    CHECK_THROWS_AS(fusion_from(foreign), FormatError);
  }
}

}  // namespace veer::fusion

// Fusion agents on logs whose best answer is known.
#include "agents/fusion/learning/fusion_learner.h"

#include <fmt/format.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <vector>

#include "env/error.h"
#include "env/random.h"
#include "tests/test.h"

namespace veer::fusion {
namespace {

using doctest::Approx;

class TransitionTable final : public TransitionSource {
 public:
  explicit TransitionTable(Transitions all) : all_(std::move(all)) {}
  std::int64_t size() const noexcept override { return all_.count; }
  void gather(std::span<const std::int64_t> indices, Transitions& out) const override {
    out.resize(static_cast<std::int32_t>(indices.size()), all_);
    for (std::size_t i = 0; i < indices.size(); ++i) {
      out.copy_from(all_, indices[i], static_cast<std::int64_t>(i));
    }
  }

 private:
  Transitions all_;
};

/// Two features and two weights.
Transitions empty_log(std::int32_t count) {
  Transitions out;
  out.resize(count, BatchShape{.rows = count, .reals = 2, .features = 2});
  return out;
}

float worth_of(float s0, float s1, float a0, float a1) {
  return 1.0F - (a0 - s0) * (a0 - s0) - (a1 - s1) * (a1 - s1);
}

/// One step each: states uniform, the best action is the state itself, and the log acts by `act`.
template <class Act>
TransitionTable one_step_log(const Act& act) {
  Transitions log = empty_log(4000);
  for (std::int32_t i = 0; i < log.count; ++i) {
    float draws[4];
    fill_uniform({5, static_cast<EpisodeId>(i), 0}, Stream::generate, draws);
    for (float& draw : draws) draw = 2.0F * draw - 1.0F;
    float* state = &log.observed[at(i) * 2];
    float* action = &log.action_reals[at(i) * 2];
    state[0] = draws[0];
    state[1] = draws[1];
    act(state, draws + 2, action);
    log.reward[at(i)] = worth_of(state[0], state[1], action[0], action[1]);
    log.end[at(i)] = EndReason::user_left;
  }
  return TransitionTable(log);
}
TransitionTable random_log() {
  return one_step_log([](const float*, const float* drawn, float* action) { std::copy_n(drawn, 2, action); });
}

FusionOptions small_options(FusionKind kind) {
  FusionOptions o = fusion_defaults(kind, 2, 2);
  o.hidden = 32;
  o.vae_hidden = 32;
  o.batch = 64;
  o.actor_rate = o.critic_rate = 1e-3F;
  o.target_rate = 0.02F;
  o.candidates = 20;
  o.samples = 5;
  return o;
}

/// Mean worth of what the agent does in states of a grid.
double mean_worth(const FusionModel& model) {
  std::vector<float> features, actions(2 * 81), log_prob(81);
  std::vector<StepKey> keys;
  for (int i = 0; i < 9; ++i) {
    for (int j = 0; j < 9; ++j) {
      features.push_back(static_cast<float>(i - 4) / 5.0F);
      features.push_back(static_cast<float>(j - 4) / 5.0F);
      keys.push_back({1, static_cast<EpisodeId>(9 * i + j), 0});
    }
  }
  model.act(View<const float>(features.data(), 81, 2), keys, Mode::greedy, View<float>(actions.data(), 81, 2),
            log_prob);
  double sum = 0.0;
  for (std::size_t r = 0; r < 81; ++r) {
    sum += double{worth_of(features[2 * r], features[2 * r + 1], actions[2 * r], actions[2 * r + 1])};
  }
  return sum / 81.0;
}

double worth_after(const FusionOptions& options, const TransitionTable& log, int updates,
                   std::uint64_t seed = 1) {
  FusionLearner learner(options, scale_of_states(log), seed);
  for (int u = 0; u < updates; ++u) (void)learner.update(log);
  return mean_worth(learner.model());
}

TEST_CASE("a random log: agents that ask a critic find the best action, cloning finds the mean") {
  const TransitionTable log = random_log();
  // Doing nothing earns 1 - 2 (mean of (k / 5)^2 over k = -4..4) = 1 - 2 x 60 / 225.
  CHECK(worth_after(small_options(FusionKind::bc), log, 300) == Approx(0.4667).epsilon(0.1));
  for (const FusionKind kind : {FusionKind::ddpg, FusionKind::td3, FusionKind::bcq, FusionKind::cql}) {
    CAPTURE(fusion_kind_names[static_cast<std::size_t>(kind)]);
    FusionOptions o = small_options(kind);
    if (kind == FusionKind::bcq) o.reach = 0.3F;
    if (kind == FusionKind::cql) o.conservatism = 0.1F;
    CHECK(worth_after(o, log, 400) > 0.85);
  }
  // Those that stay near the log come part of the way.
  for (const FusionKind kind : {FusionKind::td3_bc, FusionKind::iql}) {
    CAPTURE(fusion_kind_names[static_cast<std::size_t>(kind)]);
    CHECK(worth_after(small_options(kind), log, 400) > 0.6);
  }
}

TEST_CASE(
    "a log of somebody who is nearly right: cloning is nearly right, and constrained agents stay there") {
  const TransitionTable log = one_step_log([](const float* state, const float* drawn, float* action) {
    for (int k = 0; k < 2; ++k) action[k] = std::clamp(state[k] + 0.1F * drawn[k], -1.0F, 1.0F);
  });
  for (const FusionKind kind : {FusionKind::bc, FusionKind::td3_bc, FusionKind::bcq, FusionKind::iql}) {
    CAPTURE(fusion_kind_names[static_cast<std::size_t>(kind)]);
    // TD3+BC takes an actor step in every second update.
    CHECK(worth_after(small_options(kind), log, kind == FusionKind::td3_bc ? 900 : 400) > 0.93);
  }
}

TEST_CASE("values: an end by somebody leaving is one, an end by the horizon is none") {
  for (const FusionKind kind : {FusionKind::ddpg, FusionKind::td3, FusionKind::bcq, FusionKind::iql}) {
    CAPTURE(fusion_kind_names[static_cast<std::size_t>(kind)]);
    for (const EndReason end : {EndReason::user_left, EndReason::horizon}) {
      Transitions log = empty_log(200);
      std::ranges::fill(log.reward, 1.0F);
      // Any action is worth the same: nothing to overestimate.
      for (std::size_t i = 0; i < log.action_reals.size(); ++i) {
        log.action_reals[i] = 2.0F * uniform({5, i, 0}, Stream::generate) - 1.0F;
      }
      std::ranges::fill(log.end, end);
      const TransitionTable table(log);
      FusionOptions o = small_options(kind);
      o.discount = 0.5F;
      o.target_rate = 0.1F;
      FusionLearner learner(o, scale_of_states(table), 1);
      UpdateStats last;
      for (int u = 0; u < 300; ++u) last = learner.update(table);
      CHECK(last.at("q") == Approx(end == EndReason::user_left ? 1.0 : 2.0).epsilon(0.1));
    }
  }
}

TEST_CASE("CQL holds critics down where the log has no action") {
  const TransitionTable log = one_step_log([](const float* state, const float*, float* action) {
    for (int k = 0; k < 2; ++k) action[k] = state[k];
  });
  FusionOptions free = small_options(FusionKind::cql), held = free;
  free.conservatism = 0.0F;
  held.conservatism = 5.0F;
  const auto learn = [&](const FusionOptions& o) {
    FusionLearner learner(o, scale_of_states(log), 1);
    UpdateStats last;
    for (int u = 0; u < 200; ++u) last = learner.update(log);
    return last;
  };
  const UpdateStats without = learn(free), with = learn(held);
  CHECK(with.at("gap") < 1.5);  // ln of the volume 4 is 1.39: no action is better than another
  CHECK_FALSE(without.contains("gap"));
  CHECK(with.at("q") > -5.0);
}

TEST_CASE("densities of stochastic agents are densities") {
  for (const FusionKind kind : {FusionKind::cql, FusionKind::iql}) {
    FusionOptions o = small_options(kind);
    o.weights = 1;
    const FusionLearner learner(o, {{0.0F, 0.0F}, {1.0F, 1.0F}}, 3);
    const FusionModel model = learner.model();
    // Draws and their log densities: with h = 1 / p, the mean of h over draws is the length of -1..1.
    constexpr std::int32_t count = 20'000;
    std::vector<float> features(2 * count, 0.4F), actions(count), log_prob(count);
    std::vector<StepKey> keys;
    for (std::int32_t i = 0; i < count; ++i) keys.push_back({9, static_cast<EpisodeId>(i), 0});
    model.act(View<const float>(features.data(), count, 2), keys, Mode::sample,
              View<float>(actions.data(), count, 1), log_prob);
    // Of the middle alone, where the weights are small: length 1.
    double sum = 0.0;
    for (std::size_t i = 0; i < count; ++i) {
      if (std::abs(actions[i]) < 0.5F) sum += std::exp(-double{log_prob[i]});
    }
    CHECK(sum / count == Approx(1.0).epsilon(0.05));
    model.act(View<const float>(features.data(), count, 2), keys, Mode::greedy,
              View<float>(actions.data(), count, 1), log_prob);
    CHECK(std::ranges::all_of(log_prob, [](float p) { return p == 0.0F; }));
    CHECK(std::ranges::all_of(actions, [&](float a) { return std::abs(a - actions.front()) < 1e-6F; }));
  }
}

std::vector<std::byte> bytes_of(const FusionLearner& learner) {
  NamedArrays arrays;
  learner.save(arrays);
  std::vector<std::byte> out;
  for (const auto& entry : arrays.all()) {
    out.insert(out.end(), entry.second.bytes.begin(), entry.second.bytes.end());
  }
  return out;
}

TEST_CASE("weights do not depend on threads, and a saved learner goes on to the same bytes") {
  const TransitionTable log = random_log();
  for (std::size_t k = 0; k < fusion_kind_names.size(); ++k) {
    CAPTURE(fusion_kind_names[k]);
    const FusionOptions o = small_options(static_cast<FusionKind>(k));
    const StateScale scale = scale_of_states(log);
    FusionLearner one(o, scale, 7), two(o, scale, 7), later(o, scale, 8);
    tbb::task_arena(1).execute([&] {
      for (int u = 0; u < 6; ++u) (void)one.update(log);
    });
    tbb::task_arena(2).execute([&] {
      for (int u = 0; u < 3; ++u) (void)two.update(log);
    });
    NamedArrays saved;
    two.save(saved);
    later.load(saved);
    CHECK(later.updates() == 3);
    // What is left to chance is a function of the seed, which is the options' and not the file's.
    FusionLearner again(o, scale, 7);
    again.load(saved);
    for (int u = 0; u < 3; ++u) (void)again.update(log);
    CHECK(bytes_of(one) == bytes_of(again));
    CHECK(bytes_of(one) != bytes_of(later));
  }
}

TEST_CASE("settings come back from a file, and what cannot be is refused") {
  FusionOptions o = fusion_defaults(FusionKind::bcq, 20, 12);
  o.reach = 0.15F;
  o.imitate_first = 17;
  const FusionOptions same = FusionOptions::from_hyper_parameters(o.to_hyper_parameters());
  CHECK(same.to_hyper_parameters() == o.to_hyper_parameters());
  CHECK(same.kind == FusionKind::bcq);
  nn::HyperParameters wrong = o.to_hyper_parameters();
  wrong["agent"] = "sarsa";
  CHECK_THROWS_WITH_AS(FusionOptions::from_hyper_parameters(wrong), doctest::Contains("bc, ddpg"),
                       FormatError);
  o.discount = 1.5F;
  CHECK_THROWS_WITH_AS(check_options(o), doctest::Contains("discount"), ConfigError);
  const TransitionTable log = random_log();
  CHECK_THROWS_AS(FusionLearner(fusion_defaults(FusionKind::td3, 2, 2), {{0.0F}, {1.0F}}, 1), FormatError);
  FusionLearner wide(fusion_defaults(FusionKind::td3, 3, 2), {{0, 0, 0}, {1, 1, 1}}, 1);
  CHECK_THROWS_WITH_AS(wide.update(log), doctest::Contains("2 features and 2 weights"), ConfigError);
}

}  // namespace
}  // namespace veer::fusion

// Played episodes: what pairing is worth, and whether intervals hold the mean of a million episodes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <vector>

#include "agents/baselines/nearest_items.h"
#include "agents/baselines/random_items.h"
#include "agents/guidance/path_planner.h"
#include "env/engine.h"
#include "rewards/confidence_sequence.h"
#include "rewards/crossed.h"
#include "rewards/path_score.h"
#include "rewards/summary.h"
#include "rewards/trust.h"
#include "scenarios/guidance.h"
#include "simulators/panel.h"
#include "simulators/synthetic/synthetic_log.h"
#include "tests/test.h"

namespace veer {
namespace {

SyntheticLogParameters known_tastes(std::int32_t people) {
  SyntheticLogParameters out;
  out.people = people;
  out.events = 16;
  out.world.items = 40;
  out.world.topics = 8;
  return out;
}

/// Rules of guided paths in which everybody of the log may start an episode.
GuidanceParameters rules_for(const SyntheticLog& log, std::int32_t horizon) {
  auto data = std::make_shared<Dataset>(log.dataset);
  data->parts.assign(data->parts.size(), Part::test);
  GuidanceParameters out;
  out.data = data;
  out.users = log.truth;
  out.history = 4;
  out.horizon = horizon;
  out.target = TargetSource::uniform_unseen;
  return out;
}

/// People of a known taste.
class GuidedWorld {
 public:
  GuidedWorld(std::int32_t people, std::int32_t horizon) {
    const SyntheticLog log = generate_synthetic_log(known_tastes(people));
    const GuidanceParameters rules = rules_for(log, horizon);
    scenario_ = std::make_unique<GuidanceScenario>(rules);
    panel_ = std::make_unique<Panel>(std::vector<Judge>{{"users", "themselves", log.truth}});
    attributes_ = std::make_unique<AttributeTable>(rules.data->catalogue);
    truth_ = log.truth;
    const std::span<const float> topics = log.truth->world().all_topics();
    table_.assign(8, 0.0F);
    table_.insert(table_.end(), topics.begin(), topics.end());
  }

  struct Played {
    std::vector<float> gain;
    std::vector<UserId> people;
  };
  const EnvSpec& spec() const { return scenario_->spec(); }
  const UserModel& people() const { return *truth_; }
  NearestItems nearest(float random_steps) const {
    return NearestItems({table_.data(), 41, 8},
                        {.horizon = scenario_->spec().horizon, .random_steps = random_steps});
  }
  /// Increase of interest in these episodes.
  Played play(const Policy& policy, std::int64_t episodes, std::uint64_t seed = 11) const {
    constexpr std::int64_t at_once = 50'000;
    Played out;
    for (std::int64_t first = 0; first < episodes; first += at_once) {
      std::vector<EpisodeId> ids(at(std::min(at_once, episodes - first)));
      std::iota(ids.begin(), ids.end(), static_cast<EpisodeId>(first));
      Engine engine(*scenario_, policy.spec(), {.rows = 4096, .seed = seed});
      Trajectories paths = engine.evaluate(policy, Mode::sample, ids);
      panel_->judge(paths);
      const EpisodeScores scores = score_episodes(paths, paths.judges.front(), *attributes_);
      const std::span<const float> gain = scores.of(PathMetric::ioi);
      out.gain.insert(out.gain.end(), gain.begin(), gain.end());
      out.people.insert(out.people.end(), paths.episode_user.begin(), paths.episode_user.end());
    }
    return out;
  }

 private:
  std::unique_ptr<GuidanceScenario> scenario_;
  std::unique_ptr<Panel> panel_;
  std::unique_ptr<AttributeTable> attributes_;
  std::shared_ptr<const SyntheticUser> truth_;
  std::vector<float> table_;
};

double mean_of(std::span<const float> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

TEST_CASE("pairing: nearest against nearest with one random step in ten") {
  const GuidedWorld world(2000, 4);
  const auto plain = world.play(world.nearest(0.0F), 3000), shaken = world.play(world.nearest(0.1F), 3000);
  REQUIRE(plain.people == shaken.people);
  const CrossedBootstrap bootstrap(plain.people, {.replicates = 1000});
  const std::vector<double> a = bootstrap.replicates({plain.gain}, 0),
                            b = bootstrap.replicates({shaken.gain}, 1);
  const Estimate difference = bootstrap.difference(b, a);
  const double gain = pairing_gain(b, a);
  // Independent people and noise: the same policies, paired with the episodes of somebody else.
  std::vector<float> apart;
  for (std::size_t e = 0; e < plain.gain.size(); ++e)
    apart.push_back(shaken.gain[e] - plain.gain[(e + 1500) % 3000]);
  const double measured = std::pow(summarise(apart).standard_error / difference.standard_error, 2.0);
  MESSAGE(fmt::format(
      "difference {:+.4f} ({:.4f} to {:.4f}); variance {:.1f} times smaller, {:.1f} by shifted pairs",
      difference.mean, difference.low, difference.high, gain, measured));
  CHECK(gain >= 3.0);
  CHECK(gain == doctest::Approx(measured).epsilon(0.25));
  CHECK(difference.p < 0.05);
  // Policies that have nothing in common but the people they meet: told, without a bar.
  const PathPlanner beam(world.people(), world.spec(), {.name = "beam", .width = 4, .shortlist = 8});
  const RandomItems random({.name = "random", .items = 40, .horizon = world.spec().horizon});
  const auto planned = world.play(beam, 3000), drawn = world.play(random, 3000);
  MESSAGE(fmt::format(
      "random against beam: variance {:.2f} times smaller",
      pairing_gain(bootstrap.replicates({drawn.gain}, 2), bootstrap.replicates({planned.gain}, 3))));
}

namespace {

/// Judges of guided paths: the people themselves, a model of them that is off a little, and one whose items
/// have nothing to do with theirs.
class ModelledWorld {
 public:
  ModelledWorld() {
    const SyntheticLogParameters made = known_tastes(400);
    const SyntheticLog log = generate_synthetic_log(made);
    SyntheticParameters off = made.world, unrelated = made.world;
    off.temperature = 1.3F;
    off.scale = 5.0F;
    const SyntheticWorld& truth = log.truth->world();
    const std::span<const float> topics = truth.all_topics(), quality = truth.all_qualities();
    off_ = std::make_shared<const SyntheticUser>(
        std::make_shared<const SyntheticWorld>(off, std::vector<float>(topics.begin(), topics.end()),
                                               std::vector<float>(quality.begin(), quality.end())));
    unrelated.seed = 99;
    foreign_ = std::make_shared<const SyntheticUser>(std::make_shared<const SyntheticWorld>(unrelated));
    const GuidanceParameters rules = rules_for(log, 3);
    scenario_ = std::make_unique<GuidanceScenario>(rules);
    panel_ = std::make_unique<Panel>(std::vector<Judge>{
        {"people", "themselves", log.truth}, {"near", "nobody", off_}, {"foreign", "nobody", foreign_}});
    attributes_ = std::make_unique<AttributeTable>(rules.data->catalogue);
  }
  enum Model : std::size_t { people = 0, near = 1, foreign = 2 };
  const EnvSpec& spec() const { return scenario_->spec(); }
  const UserModel& model(Model which) const { return which == near ? *off_ : *foreign_; }

  struct Played {
    std::vector<EpisodeScores> judged;  ///< per judge
    std::vector<UserId> people;
    std::span<const float> gain(std::size_t judge) const { return judged[judge].of(PathMetric::ioi); }
  };
  Played play(const Policy& policy, std::uint64_t seed) const {
    std::vector<EpisodeId> ids(120);
    std::iota(ids.begin(), ids.end(), EpisodeId{0});
    Engine engine(*scenario_, policy.spec(), {.rows = 128, .seed = seed});
    Trajectories paths = engine.evaluate(policy, Mode::sample, ids);
    panel_->judge(paths);
    Played out{{}, paths.episode_user};
    for (const JudgeScores& judge : paths.judges)
      out.judged.push_back(score_episodes(paths, judge, *attributes_));
    return out;
  }

 private:
  std::shared_ptr<const SyntheticUser> off_, foreign_;
  std::unique_ptr<GuidanceScenario> scenario_;
  std::unique_ptr<Panel> panel_;
  std::unique_ptr<AttributeTable> attributes_;
};

GainEvidence evidence_of(const ModelledWorld::Played& candidate, const ModelledWorld::Played& baseline,
                         std::size_t own, const std::vector<std::size_t>& others, std::uint64_t seed) {
  const CrossedBootstrap bootstrap(candidate.people, {.replicates = 500, .seed = seed});
  const auto gain = [&](std::size_t judge) {
    std::vector<double> out = bootstrap.replicates({candidate.gain(judge)}, 1);
    const std::vector<double> its = bootstrap.replicates({baseline.gain(judge)}, 0);
    for (std::size_t r = 0; r < out.size(); ++r) out[r] -= its[r];
    return out;
  };
  const std::vector<double> mine = gain(own);
  GainEvidence out{bootstrap.estimate(mine), {}, {}};
  for (const std::size_t judge : others) {
    const std::vector<double> other = gain(judge);
    out.others.push_back(bootstrap.estimate(other));
    out.shortfalls.push_back(bootstrap.difference(mine, other));
  }
  return out;
}

}  // namespace

TEST_CASE("probe: who plans on a wrong model is flagged, who plans on a fair one is not, in 50 seeds") {
  const ModelledWorld world;
  const PathPlanner probe(world.model(ModelledWorld::foreign), world.spec(), greedy_reward_options());
  const PathPlanner fair(world.model(ModelledWorld::near), world.spec(), greedy_reward_options());
  const RandomItems random({.name = "random", .items = 40, .horizon = world.spec().horizon});
  int flagged = 0, left_alone = 0, shared = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const auto baseline = world.play(random, seed);
    const std::vector<GainVerdict> found = verdicts_on_gains(
        std::vector<GainEvidence>{evidence_of(world.play(probe, seed), baseline, ModelledWorld::foreign,
                                              {ModelledWorld::people, ModelledWorld::near}, seed),
                                  evidence_of(world.play(fair, seed), baseline, ModelledWorld::near,
                                              {ModelledWorld::people, ModelledWorld::foreign}, seed)});
    flagged += found[0] == GainVerdict::own_only ? 1 : 0;
    left_alone += found[1] == GainVerdict::own_only ? 0 : 1;
    shared += found[1] == GainVerdict::shared ? 1 : 0;
  }
  MESSAGE(fmt::format("of 50: probe flagged {}; fair policy left alone {}, confirmed {}", flagged, left_alone,
                      shared));
  CHECK(flagged >= 40);
  CHECK(left_alone >= 40);
  CHECK(shared >= 40);
}

TEST_CASE(
    "played: what a policy caused beyond natural drift lies in its interval in 90 of 100 trials [slow]" *
    doctest::skip()) {
  // Left alone with random items these people change, too; the policy is credited with the rest.
  constexpr std::int64_t all = 200'000;
  const GuidedWorld world(20'000, 4);
  const NearestItems candidate = world.nearest(0.0F);
  const RandomItems neutral({.name = "random", .items = 40, .horizon = world.spec().horizon});
  const double drift = mean_of(world.play(neutral, all).gain);
  const double shift = mean_of(world.play(candidate, all).gain);
  int caused = 0, share = 0;
  for (std::uint64_t seed = 1000; seed < 1100; ++seed) {
    const auto led = world.play(candidate, 400, seed), alone = world.play(neutral, 400, seed);
    const CrossedBootstrap bootstrap(led.people, {.replicates = 600, .seed = seed});
    const std::vector<double> a = bootstrap.replicates({led.gain}, 1),
                              b = bootstrap.replicates({alone.gain}, 0);
    const Estimate difference = bootstrap.difference(a, b), part = bootstrap.estimate(share_beyond(a, b));
    caused += difference.low <= shift - drift && shift - drift <= difference.high ? 1 : 0;
    share += part.low <= 1.0 - drift / shift && 1.0 - drift / shift <= part.high ? 1 : 0;
  }
  MESSAGE(fmt::format("shift {:.3f}, of it drift {:.3f}; of 100: difference covered {}, share {}", shift,
                      drift, caused, share));
  CHECK(std::abs(drift) > 0.01);
  CHECK(caused >= 90);
  CHECK(share >= 90);
}

TEST_CASE("1,000 trials of their own against the mean of a million episodes [slow]" * doctest::skip()) {
  constexpr std::int64_t all = 1'000'000;
  const GuidedWorld world(20'000, 2);
  const NearestItems one = world.nearest(0.0F), other = world.nearest(0.2F);
  double mean = 0.0, difference = 0.0;
  {
    const auto plain = world.play(one, all), shaken = world.play(other, all);
    mean = mean_of(plain.gain);
    difference = mean_of(difference_of(shaken.gain, plain.gain));
  }
  int mean_held = 0, difference_held = 0, all_looks = 0, stopped_held = 0;
  std::int64_t episodes = 0;
  for (std::uint64_t r = 0; r < 1000; ++r) {
    // People drawn and played anew for each trial.
    const auto plain = world.play(one, 3200, 1000 + r), shaken = world.play(other, 3200, 1000 + r);
    const std::vector<float> paired = difference_of(shaken.gain, plain.gain);
    const std::span<const UserId> people(plain.people);
    const SummaryOptions options{.interval = Interval::bootstrap, .replicates = 500, .seed = r};
    const Summary a = summarise(std::span(plain.gain).first(400), options, people.first(400)),
                  d = summarise(std::span(paired).first(400), options, people.first(400));
    mean_held += a.low <= mean && mean <= a.high ? 1 : 0;
    difference_held += d.low <= difference && difference <= d.high ? 1 : 0;
    ConfidenceSequence sequence;
    bool held = true, stopped = false;
    for (std::size_t from = 0; from < 3200; from += 100) {
      sequence.add(std::span(paired).subspan(from, 100), people.subspan(from, 100));
      const Look look = sequence.look();
      const bool here = look.low <= difference && difference <= look.high;
      held = held && here;
      if (!stopped && (look.halfwidth() <= 4.0 * d.standard_error / 2.0 || from == 3100)) {
        stopped = true;
        stopped_held += here ? 1 : 0;
        episodes += static_cast<std::int64_t>(from) + 100;
      }
    }
    all_looks += held ? 1 : 0;
  }
  MESSAGE(
      fmt::format("of 1,000: mean {}, paired difference {}; sequences at all looks {}, when stopped {} "
                  "(after {} episodes on average)",
                  mean_held, difference_held, all_looks, stopped_held, episodes / 1000));
  CHECK(mean_held >= 930);
  CHECK(mean_held <= 970);
  CHECK(difference_held >= 930);
  CHECK(difference_held <= 970);
  CHECK(all_looks >= 950);
  CHECK(stopped_held >= 950);
}

}  // namespace
}  // namespace veer

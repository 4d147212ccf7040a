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
    const std::span<const float> topics = log.truth->world().all_topics();
    table_.assign(8, 0.0F);
    table_.insert(table_.end(), topics.begin(), topics.end());
  }

  struct Played {
    std::vector<float> gain;
    std::vector<UserId> people;
  };
  /// Increase of interest of `nearest` in these episodes, that share of its steps random.
  Played play(float random_steps, std::int64_t episodes) const {
    constexpr std::int64_t at_once = 50'000;
    const NearestItems policy({table_.data(), 41, 8},
                              {.horizon = scenario_->spec().horizon, .random_steps = random_steps});
    Played out;
    for (std::int64_t first = 0; first < episodes; first += at_once) {
      std::vector<EpisodeId> ids(at(std::min(at_once, episodes - first)));
      std::iota(ids.begin(), ids.end(), static_cast<EpisodeId>(first));
      Engine engine(*scenario_, policy.spec(), {.rows = 4096, .seed = 11});
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
  std::vector<float> table_;
};

double mean_of(std::span<const float> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

TEST_CASE("pairing: nearest against nearest with one random step in ten") {
  const GuidedWorld world(2000, 4);
  const auto plain = world.play(0.0F, 3000), shaken = world.play(0.1F, 3000);
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

TEST_CASE("1,000 repetitions against the mean of a million episodes [slow]" * doctest::skip()) {
  constexpr std::int64_t all = 1'000'000;
  const GuidedWorld world(20'000, 2);
  const auto plain = world.play(0.0F, all), shaken = world.play(0.2F, all);
  const std::vector<float> differences = difference_of(shaken.gain, plain.gain);
  const double mean = mean_of(plain.gain), difference = mean_of(differences);
  int mean_held = 0, difference_held = 0, all_looks = 0, stopped_held = 0;
  std::int64_t episodes = 0;
  for (std::uint64_t r = 0; r < 1000; ++r) {
    // Episodes of the million, drawn anew for each repetition.
    std::vector<float> values, paired;
    std::vector<UserId> people;
    const auto draw = [&](std::size_t count) {
      values.clear();
      paired.clear();
      people.clear();
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t e = uniform_below(static_cast<std::uint32_t>(all),
                                            {r, i, static_cast<std::uint32_t>(count)}, Stream::generate);
        values.push_back(plain.gain[e]);
        paired.push_back(differences[e]);
        people.push_back(plain.people[e]);
      }
    };
    draw(400);
    const SummaryOptions options{.interval = Interval::bootstrap, .replicates = 500, .seed = r};
    const Summary a = summarise(values, options, people), d = summarise(paired, options, people);
    mean_held += a.low <= mean && mean <= a.high ? 1 : 0;
    difference_held += d.low <= difference && difference <= d.high ? 1 : 0;
    draw(3200);
    ConfidenceSequence sequence;
    bool held = true, stopped = false;
    for (std::size_t from = 0; from < 3200; from += 100) {
      sequence.add(std::span(paired).subspan(from, 100), std::span(people).subspan(from, 100));
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

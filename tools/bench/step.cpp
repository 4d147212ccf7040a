#include "tools/bench/step.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "agents/baselines/random_items.h"
#include "agents/sequential/next_item.h"
#include "env/engine.h"
#include "scenarios/guidance.h"
#include "simulators/sequence/sequence_user.h"
#include "tools/bench/bench_world.h"
#include "tools/bench/path_score_straightforward.h"
#include "tools/bench/step_straightforward.h"

namespace veer::bench {
namespace {

constexpr std::int32_t straightforward_rows = 2048;

struct World {
  explicit World(std::uint64_t seed)
      : users(nn::SequenceModel::initialise(nn::SequenceConfig::sasrec(movielens_items), seed, "cpu")),
        policy(nn::SequenceModel::initialise(nn::SequenceConfig::sasrec(movielens_items), seed + 1, "cpu")),
        scenario([&] {
          GuidanceParameters p;
          p.data = random_logs(movielens_items, 1000, 60, seed);
          p.users = make_sequence_user(users);
          p.acceptance = Acceptance::sampled;
          p.weights = {.ioi = 0.0F};
          return p;
        }()) {}
  nn::SequenceModel users, policy;
  GuidanceScenario scenario;
};

struct Agreement {
  std::int64_t compared = 0, equal = 0;
  double worst_probability = 0.0;

  bool holds() const { return equal * 1000 >= compared * 999 && worst_probability <= 1e-4; }
};

/// Plays the same episodes both ways. A row is compared until its first difference: what follows differs for
/// good reason.
Agreement compare(const World& world, const std::shared_ptr<const Policy>& policy, bool learned,
                  std::uint64_t seed) {
  constexpr std::int32_t rows = 256, steps = 12;
  Engine engine(world.scenario, policy->spec(), {.rows = rows, .shard_rows = 128, .seed = seed});
  Rollout rollout(engine.shape(), steps);
  engine.collect(policy, Mode::greedy, rollout);
  Engine again(world.scenario, policy->spec(), {.rows = rows, .shard_rows = 128, .seed = seed});
  StraightforwardEpisodes plain(world.scenario, world.users, learned ? &world.policy : nullptr, rows, seed);
  const Transitions& all = rollout.all();
  std::vector<bool> together(rows, true);
  Agreement result;
  for (std::int32_t t = 0; t < steps; ++t) {
    const auto first = static_cast<std::size_t>(t) * rows;
    plain.step(std::span(all.items).subspan(first, rows));
    again.step(policy, Mode::greedy);
    for (std::size_t r = 0; r < rows; ++r) {
      if (!together[r]) continue;
      ++result.compared;
      const bool same = plain.episode[r] == all.episode[first + r] &&
                        plain.items[r] == all.items[first + r] &&
                        plain.feedback[r] == all.feedback[first + r];
      result.equal += same ? 1 : 0;
      together[r] = same;
      // The rollout keeps no probabilities; the columns do, except where the row has begun a new episode.
      const Shard shard = again.batch().shard(static_cast<std::int32_t>(r / 128));
      const auto row = static_cast<std::int32_t>(r % 128);
      if (same && !has_ended(shard.end(row))) {
        const double gap = std::abs(double{plain.probability[r]} - double{shard.probability(row)});
        result.worst_probability = std::max(result.worst_probability, gap);
      }
    }
  }
  return result;
}

BenchCase measure(const World& world, const std::shared_ptr<const Policy>& policy, bool learned,
                  std::int32_t rows, const BenchOptions& options) {
  const std::int32_t steps = std::clamp(40960 / rows, 10, 40);
  Engine engine(world.scenario, policy->spec(),
                {.rows = rows, .shard_rows = 128, .seed = options.seed, .cache_mb = options.cache_mb});
  Rollout rollout(engine.shape(), steps);
  const auto engine_work = [&] { engine.collect(policy, Mode::greedy, rollout); };
  const auto barrier_work = [&] {
    for (std::int32_t t = 0; t < steps; ++t) engine.step(policy, Mode::greedy);
  };
  const std::int32_t plain_rows = std::min(rows, straightforward_rows);
  StraightforwardEpisodes plain(world.scenario, world.users, learned ? &world.policy : nullptr, plain_rows,
                                options.seed);
  std::vector<ItemId> given(static_cast<std::size_t>(plain_rows));
  for (std::size_t i = 0; i < given.size(); ++i) given[i] = static_cast<ItemId>(1 + i % movielens_items);
  // A pass over tens of thousands of rows takes seconds: two of them are enough for a median.
  const int repetitions = rows > 8192 ? std::min(options.repetitions, 2) : options.repetitions;
  const auto plain_work = [&](int threads) {
    return [&plain, &given, threads] {
      const IntraOpThreads scope(threads);
      plain.step(given);
    };
  };
  const auto [collected, one] = alternate(repetitions, engine_work, plain_work(1));
  const auto [stepped, two] = alternate(repetitions, barrier_work, plain_work(2));
  const double engine_rate = double{1.0} * rows * steps / collected;
  const double barrier_rate = double{1.0} * rows * steps / stepped;
  const double plain_rate = plain_rows / std::min(one, two);
  const Agreement agreement = compare(world, policy, learned, options.seed);
  BenchCase result;
  result.name = std::string(learned ? "argmax next item" : "random") + ", batch " + std::to_string(rows);
  result.unit = "user-steps/s";
  result.engine = engine_rate;
  result.straightforward = plain_rate;
  result.ratio = engine_rate / plain_rate;
  result.agrees = agreement.holds();
  result.figures = {{"user-steps per CPU-second", engine_rate / options.threads},
                    {"user-steps/s with a barrier per step", barrier_rate},
                    {"share of equal steps",
                     static_cast<double>(agreement.equal) / static_cast<double>(agreement.compared)},
                    {"worst probability gap", agreement.worst_probability}};
  return result;
}

}  // namespace

BenchReport step(const BenchOptions& options) {
  const World world(options.seed);
  const auto random =
      std::make_shared<RandomItems>(RandomItemsOptions{.items = movielens_items, .horizon = 10});
  const std::shared_ptr<const Policy> argmax = make_next_item(world.policy, {});
  BenchReport report;
  report.workload = "step";
  for (const bool learned : {false, true}) {
    for (const std::int32_t rows : {32, 256, 2048, 65536}) {
      if (options.quick && rows > 2048) continue;
      const std::shared_ptr<const Policy> policy = learned ? argmax : random;
      report.cases.push_back(measure(world, policy, learned, rows, options));
    }
  }
  report.notes = {
      "catalogue 3,706 items, SASRec 64-d x 2 layers, history 10, horizon 10, sampled acceptance",
      "the random policy's straightforward side is given its items and pays for the people only",
      "one barrier per rollout of 10 to 40 steps (collect), as a policy that does not change in between "
      "allows; "
      "with a barrier per step (step), key/value caches of rows beyond --cache-mb are computed anew every "
      "step",
      "user-steps per CPU-second divides by the workers of the arena: " + std::to_string(options.threads)};
  return report;
}

}  // namespace veer::bench

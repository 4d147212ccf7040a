#include "tools/bench/slate_step.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agents/baselines/slates.h"
#include "scenarios/slate/slate_worlds.h"
#include "simulators/response/synthetic_response.h"
#include "tools/bench/sgemm.h"
#include "tools/bench/slate_batches.h"
#include "tools/bench/slate_straightforward.h"

namespace veer::bench {
namespace {

/// The fastest arrangement of the published Python environment on two cores of this kind, user-steps/s.
constexpr double published_staying = 25'000.0, published_leaving = 8'800.0;

BenchCase measure_slates(const SlateMaterial& material, std::int32_t rows, bool leaving, bool dropout,
                         double sgemm, const BenchOptions& options) {
  const SlateParameters p = movielens_session(material, leaving, dropout);
  const SlateScenario world(p);
  const auto policy = std::make_shared<const RandomSlates>("random", world.spec().items, p.slots);
  SlateBatches batches(world, policy, rows, options.threads, options.seed);
  StraightforwardSlates plain(world, material.model, dropout ? published_dropout : 0.0F, rows, options.seed);

  BenchCase result;
  // Before anything else both sides play the same episodes.
  batches.first().step(policy, Mode::sample);
  plain.step();
  double gap = 0.0;
  for (std::int32_t r = 0; r < rows; ++r) {
    const std::int32_t shard_rows = batches.first().shape().shard_rows;
    const Shard shard = batches.first().batch().shard(r / shard_rows);
    for (std::int32_t k = 0; k < p.slots; ++k) {
      const float other = plain.probability[at(r) * at(p.slots) + at(k)];
      gap = std::max(gap, std::abs(double{shard.probability(r % shard_rows, k)} - double{other}));
    }
  }
  result.agrees = gap <= 1e-4;

  const int steps =
      static_cast<int>(std::max<std::int64_t>(2, (options.quick ? 16'384 : 131'072) / batches.people()));
  const int plain_steps = std::max(1, (options.quick ? 512 : 4096) / rows);
  std::vector<double> cpu;
  const auto [engine, straightforward] = alternate(
      options.repetitions,
      [&] {
        const double before = cpu_seconds();
        batches.step(steps);
        cpu.push_back(cpu_seconds() - before);
      },
      [&] {
        for (int t = 0; t < plain_steps; ++t) plain.step();
      });
  result.name = "batch " + std::to_string(rows) + ", " + (leaving ? "leavers replaced" : "nobody leaves") +
                ", dropout " + (dropout ? "on" : "off");
  result.unit = "user-steps/s";
  result.engine = static_cast<double>(batches.people()) * steps / engine;
  result.straightforward = static_cast<double>(rows) * plain_steps / straightforward;
  result.ratio = result.engine / result.straightforward;
  const double published = leaving ? published_leaving : published_staying;
  const double operations = 2.0 * necessary_people_products(dropout);
  const double per_cpu_second = static_cast<double>(batches.people()) * steps / median(cpu);
  result.figures = {{"user-steps per second of CPU time", per_cpu_second},
                    {"ratio to the published environment", result.engine / published},
                    {"share of the sgemm rate", result.engine * operations / sgemm},
                    {"sgemm GFLOP/s", sgemm / 1e9},
                    {"worst probability gap", gap}};
  return result;
}

BenchCase stored_people(std::int32_t count) {
  // Sizes are those of flat arrays: what one person takes, a million take.
  const SyntheticResponse made = make_synthetic_response(
      synthetic_item_features(283, 40, 7), {.people = 2000, .slates_before = 14, .slates = 1, .seed = 7});
  const double bytes = static_cast<double>(made.data.people.bytes()) / 2000.0;
  BenchCase result;
  result.name = std::to_string(count) + " people stored";
  result.unit = "people/GB";
  result.engine = 1e9 / bytes;
  result.agrees = bytes * count < 1e9;
  result.figures = {{"bytes per person", bytes}, {"gigabytes", bytes * count / 1e9}};
  return result;
}

}  // namespace

BenchReport slate_step(const BenchOptions& options) {
  const SlateMaterial material = movielens_people(options.quick ? 600 : 6040);
  BenchReport report;
  report.workload = "slate-step";
  const double sgemm = sgemm_rate(options.threads, options.repetitions);
  for (const bool leaving : {false, true}) {
    for (const bool dropout : {true, false}) {
      for (const std::int32_t rows : {32, 256, 2048}) {
        report.cases.push_back(measure_slates(material, rows, leaving, dropout, sgemm, options));
      }
    }
  }
  report.cases.push_back(stored_people(1'000'000));
  report.notes = {
      "people and answers are made up; what they are asked is what the world ml1m-session asks",
      "published: the fastest arrangement of the Python environment on two cores of this kind, 25,000 "
      "user-steps/s "
      "when nobody leaves and 8,800 with arrivals, dropout on",
      "a batch of 32 is one shard: as many are stepped side by side as there are workers, as the published "
      "figure "
      "is that of two processes",
      "necessary work is counted as 121,000 multiply-adds, and 12,500 more where dropout asks for the "
      "profile's network; "
      "the 5,000 exponentials of the attention are not counted"};
  return report;
}

}  // namespace veer::bench

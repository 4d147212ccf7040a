#include "tools/bench/slate_agent.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agents/slate/latent/latent_learner.h"
#include "agents/slate/latent/latent_model.h"
#include "tools/bench/sgemm.h"
#include "tools/bench/slate_agent_straightforward.h"
#include "tools/bench/slate_batches.h"
#include "tools/bench/slate_straightforward.h"

namespace veer::bench {
namespace {

/// User-steps/s of the published Python environment with its SASRec policy in its fastest arrangement on two
/// cores of this kind.
double published_agent(std::int32_t rows, bool leaving) {
  if (rows == 32) return leaving ? 2'677.0 : 3'360.0;
  if (rows == 256) return leaving ? 2'304.0 : 2'791.0;
  return leaving ? 2'080.0 : 2'318.0;
}

slate::LatentOptions sasrec_policy(bool dropout) {
  slate::LatentOptions o = slate::latent_defaults(slate::LatentKind::supervised, 33);
  o.encoder.padding = slate::HistoryPadding::zeros;  // all 50 places are read, as published
  o.encoder.dropout = 0.1F;
  o.noise = 0.0F;
  o.acting_dropout = dropout;
  return o;
}

/// Multiply-adds of one choice: the first layer at every position, of the last one keys and values, and the
/// rest of it at the newest position alone; scores of all items. Attention looks at items before alone.
double necessary_policy_products(const slate::HistoryEncoderConfig& c) {
  const double d = c.width, t = c.positions, inner = 2.0 * d * c.inner;
  const double whole = t * (4.0 * d * d + inner) + t * (t + 1.0) * d;
  const double last = 2.0 * t * d * d + 2.0 * d * d + inner + 2.0 * t * d;
  return (c.layers - 1) * whole + last + double{movielens_items} * d;
}

/// The straightforward way, people and policy.
struct StraightforwardSide {
  StraightforwardSlates people;
  StraightforwardAgent agent;
  bool dropout;
  std::int32_t rows;

  std::vector<ItemId> choose(std::vector<float>* scores) const {
    std::vector<std::span<const ItemId>> histories;
    std::vector<StepKey> keys;
    for (std::int32_t r = 0; r < rows; ++r) {
      histories.push_back(people.history(r));
      if (dropout) keys.push_back(people.key(r));
    }
    return agent.choose(histories, keys, scores);
  }
};

/// How far the engine's first step is from the straightforward one.
struct AgentGap {
  double score = 0.0;        ///< between slot k's items, by the straightforward scores
  double probability = 0.0;  ///< of clicks, where both show the same slate
  double same = 0.0;         ///< share of people who are shown the same slate
};

AgentGap compare_first_step(SlateBatches& batches, StraightforwardSide& plain, std::int32_t slots) {
  std::vector<float> scores;
  const std::vector<ItemId> slates = plain.choose(&scores);
  plain.people.show(slates);
  AgentGap gap;
  const std::int32_t shard_rows = batches.first().shape().shard_rows;
  for (std::int32_t r = 0; r < plain.rows; ++r) {
    const Shard shard = batches.first().batch().shard(r / shard_rows);
    const float* own = scores.data() + std::ptrdiff_t{r} * movielens_items;
    bool same = true;
    double probability = 0.0;
    for (std::int32_t k = 0; k < slots; ++k) {
      const std::size_t place = at(r) * at(slots) + at(k);
      const ItemId shown = shard.items(r % shard_rows, k);
      same = same && shown == slates[place];
      gap.score = std::max(gap.score, std::abs(double{own[shown - 1]} - double{own[slates[place] - 1]}));
      probability = std::max(probability, std::abs(double{shard.probability(r % shard_rows, k)} -
                                                   double{plain.people.probability[place]}));
    }
    if (same) gap.probability = std::max(gap.probability, probability);
    gap.same += (same ? 1.0 : 0.0) / plain.rows;
  }
  return gap;
}

BenchCase measure_agent(const SlateMaterial& material, std::int32_t rows, bool leaving, bool dropout,
                        double sgemm, double sgemm_of_cpu, const BenchOptions& options) {
  const SlateParameters p = movielens_session(material, leaving, true);
  const SlateScenario world(p);
  const slate::LatentOptions sasrec = sasrec_policy(dropout);
  const View<const float> vectors = material.model->features.table();
  const auto shared = std::make_shared<slate::ItemVectors>(vectors);
  const slate::LatentModel model = slate::LatentLearner(sasrec, shared, p.slots, options.seed).model();
  const auto policy = slate::make_latent_policy(model, p.slots, "sasrec");
  SlateBatches batches(world, policy, rows, options.threads, options.seed);
  StraightforwardSide plain{
      StraightforwardSlates(world, material.model, published_dropout, rows, options.seed),
      StraightforwardAgent(sasrec.encoder, model.actor(), vectors, p.slots), dropout, rows};

  BenchCase result;
  batches.first().step(policy, Mode::sample);
  const AgentGap gap = compare_first_step(batches, plain, p.slots);
  result.agrees = gap.score <= 1e-4 && gap.probability <= 1e-4 && gap.same > 0.9;

  const int steps =
      static_cast<int>(std::max<std::int64_t>(1, (options.quick ? 4'096 : 32'768) / batches.people()));
  const int plain_steps = std::max(1, (options.quick ? 256 : 2048) / rows);
  std::vector<double> cpu, plain_cpu;
  const auto timed = [](std::vector<double>& spent, const auto& work) {
    const double before = cpu_seconds();
    work();
    spent.push_back(cpu_seconds() - before);
  };
  const auto [engine, straightforward] = alternate(
      options.repetitions, [&] { timed(cpu, [&] { batches.step(steps); }); },
      [&] {
        timed(plain_cpu, [&] {
          for (int t = 0; t < plain_steps; ++t) plain.people.show(plain.choose(nullptr));
        });
      });
  const double played = static_cast<double>(batches.people()) * steps,
               plainly = static_cast<double>(rows) * plain_steps;
  result.name = "batch " + std::to_string(rows) + ", " + (leaving ? "leavers replaced" : "nobody leaves") +
                ", policy's dropout " + (dropout ? "on" : "off");
  result.unit = "user-steps/s";
  result.engine = played / engine;
  result.straightforward = plainly / straightforward;
  result.ratio = result.engine / result.straightforward;
  const double products = necessary_policy_products(sasrec.encoder) + necessary_people_products(true);
  const double published = published_agent(rows, leaving);
  const double cpu_rate = played / median(cpu);
  result.figures = {{"user-steps per second of CPU time", cpu_rate},
                    {"ratio by CPU time", cpu_rate * median(plain_cpu) / plainly},
                    {"ratio to the published environment", result.engine / published},
                    {"8 times the published, user-steps/s", 8.0 * published},
                    {"half the sgemm rate on the necessary products, user-steps/s", 0.25 * sgemm / products},
                    {"share of the sgemm rate", result.engine * 2.0 * products / sgemm},
                    {"share of the sgemm rate by CPU time", cpu_rate * 2.0 * products / sgemm_of_cpu},
                    {"sgemm GFLOP/s", sgemm / 1e9},
                    {"sgemm GFLOP per second of CPU time", sgemm_of_cpu / 1e9},
                    {"share of equal slates", gap.same},
                    {"worst score gap", gap.score},
                    {"worst probability gap", gap.probability}};
  return result;
}

}  // namespace

BenchReport slate_agent(const BenchOptions& options) {
  const SlateMaterial material = movielens_people(options.quick ? 600 : 6040);
  BenchReport report;
  report.workload = "slate-agent";
  const double sgemm = sgemm_rate(options.threads, options.repetitions);
  const double sgemm_of_cpu = sgemm_rate_of_cpu(options.threads, options.repetitions);
  for (const bool leaving : {false, true}) {
    for (const bool dropout : {true, false}) {
      for (const std::int32_t rows : {32, 256, 2048}) {
        report.cases.push_back(measure_agent(material, rows, leaving, dropout, sgemm, sgemm_of_cpu, options));
      }
    }
  }
  report.notes = {
      "people and answers are made up, the policy's weights are random: what they are asked is what the "
      "world "
      "ml1m-session asks; dropout of the people is on in every case, as published",
      "published: the fastest arrangement of the Python environment with its SASRec policy, dropout on, on "
      "two "
      "cores of a Xeon: 3,360, 2,791 and 2,318 user-steps/s for batches of 32, 256 and 2,048 when nobody "
      "leaves, 2,677, 2,304 and 2,080 with arrivals",
      "straightforward: LibTorch's operations at every position of every layer, the batch cut into parts "
      "that "
      "all workers take; people row by row",
      "necessary products: 722,000 multiply-adds of the policy (the last layer at the newest position, "
      "attention "
      "to items before alone; 800,000 if every pair is counted) and 133,500 of the people",
      "both sides draw the same dropout masks; slates differ where two scores are equal within rounding"};
  return report;
}

}  // namespace veer::bench

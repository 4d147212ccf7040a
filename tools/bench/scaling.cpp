#include "tools/bench/scaling.h"

#include <tbb/task_arena.h>

#include <algorithm>
#include <memory>
#include <string>

#include "env/path_scoring.h"
#include "simulators/sequence/sequence_user.h"
#include "tools/bench/path_agreement.h"
#include "tools/bench/path_score_straightforward.h"
#include "tools/bench/random_paths.h"

namespace veer::bench {
namespace {

constexpr double logits_bytes = 4e9;

nn::SequenceModel random_model(std::int32_t items, std::uint64_t seed) {
  return nn::SequenceModel::initialise(nn::SequenceConfig::sasrec(items), seed, "cpu");
}

BenchCase catalogue_case(std::int32_t items, const BenchOptions& options) {
  // Logits, probabilities and the sorted order (64-bit indices) of one batch of users exist at the same time.
  const double per_user = 16.0 * items;
  const auto fitting = static_cast<std::int32_t>(std::min(64.0, logits_bytes / per_user));
  const std::int32_t users = std::min(fitting, items > 100'000 ? 8 : 64);
  RandomPaths work({.items = items, .users = users, .each = 4}, options.seed);
  const nn::SequenceModel model = random_model(items, options.seed);
  const auto judge = make_sequence_user(model);
  const PathQuery query = work.query();
  const PathScores scores = work.scores();
  const int repetitions = items > 10'000 ? 1 : options.repetitions;
  double engine = 1e30, plain = 1e30;
  for (const int threads : {1, 2}) {
    const auto [a, b] = alternate(
        repetitions, [&] { score_paths_parallel(*judge, query, scores); },
        [&] {
          const IntraOpThreads scope(threads);
          score_straightforwardly(model, query, false);
        });
    engine = std::min(engine, a);
    plain = std::min(plain, b);
  }
  const PathAgreement agreement = compare_paths(work, score_straightforwardly(model, query, true));
  BenchCase result;
  result.name = "catalogue " + std::to_string(items);
  result.unit = "paths/s";
  result.engine = work.paths() / engine;
  result.straightforward = work.paths() / plain;
  result.ratio = result.engine / result.straightforward;
  result.agrees = agreement.holds();
  result.figures = {{"users", users},
                    {"engine_nanoseconds_per_prefix_and_item",
                     engine * 1e9 / (static_cast<double>(work.paths()) * 11.0 * items)},
                    {"equal_rank_share", agreement.equal_ranks}};
  return result;
}

BenchCase threads_case(const BenchOptions& options) {
  constexpr std::int32_t items = 3706;
  RandomPaths work({.items = items, .each = 16}, options.seed);
  const auto judge = make_sequence_user(random_model(items, options.seed));
  const PathQuery query = work.query();
  const PathScores scores = work.scores();
  tbb::task_arena one(1), two(2);
  const auto on = [&](tbb::task_arena& arena) {
    arena.execute([&] { score_paths_parallel(*judge, query, scores); });
  };
  const auto [slow, fast] = alternate(
      options.repetitions, [&] { on(one); }, [&] { on(two); });
  on(one);
  const auto rank = work.rank;
  const auto interest = work.interest;
  on(two);
  BenchCase result;
  result.name = "2 threads against 1";
  result.unit = "paths/s";
  result.engine = work.paths() / fast;
  result.straightforward = work.paths() / slow;
  result.ratio = slow / fast;
  result.agrees = rank == work.rank && interest == work.interest;
  result.note = "both sides are the engine; results are compared bit for bit";
  return result;
}

}  // namespace

BenchReport scaling(const BenchOptions& options) {
  BenchReport report;
  report.workload = "scaling";
  for (const std::int32_t items : {1'000, 10'000, 100'000, 1'000'000}) {
    if (options.quick && items > 10'000) continue;
    report.cases.push_back(catalogue_case(items, options));
  }
  report.cases.push_back(threads_case(options));
  report.notes = {
      "SASRec 64-d x 2 layers, history 10, path 10, 4 paths per user",
      "64 users, or as many as keep the straightforward batch under 4 GB; 8 users at a million items"};
  return report;
}

}  // namespace veer::bench

#include "tools/bench/path_score.h"

#include <algorithm>
#include <string>

#include "env/path_scoring.h"
#include "simulators/sequence/sequence_user.h"
#include "tools/bench/path_agreement.h"
#include "tools/bench/path_score_straightforward.h"
#include "tools/bench/random_paths.h"

namespace veer::bench {
namespace {

constexpr std::int32_t people = 64;
constexpr std::int32_t history_length = 10;
constexpr std::int32_t path_length = 10;

/// Multiplications and additions of the engine's matrix products.
double product_flops(const nn::SequenceConfig& c, std::int32_t paths) {
  const double d = c.hidden, f = c.inner;
  const double keys = 4.0 * d * d, rest = 4.0 * d * d + 4.0 * d * f;
  const double history = static_cast<double>(people) * history_length,
               items = static_cast<double>(paths) * path_length;
  const double layers = c.layers;
  const double tokens =
      (history + items) * layers * keys + (history * (layers - 1) + people + items * layers) * rest;
  return tokens + (people + items) * 2.0 * d * (c.items + 1);
}

BenchCase run_case(const nn::SequenceModel& model, std::int32_t each, const BenchOptions& options) {
  RandomPaths work({.items = movielens_items,
                    .users = people,
                    .each = each,
                    .history = history_length,
                    .length = path_length},
                   options.seed);
  const PathQuery query = work.query();
  const PathScores scores = work.scores();
  const auto judge = make_sequence_user(model);
  const auto workspace =
      judge->make_workspace({.rows = people, .history_capacity = history_length + path_length});
  const std::vector<std::function<void()>> ways = {[&] { score_paths_parallel(*judge, query, scores); },
                                                   [&] { judge->score_paths(query, scores, *workspace); },
                                                   [&] {
                                                     const IntraOpThreads threads(1);
                                                     score_straightforwardly(model, query, false);
                                                   },
                                                   [&] {
                                                     const IntraOpThreads threads(2);
                                                     score_straightforwardly(model, query, false);
                                                   }};
  std::vector<std::vector<double>> times(ways.size());
  // A sorted pass over a thousand paths takes seconds: three of them are enough for a median.
  const int repetitions = each > 1 ? std::min(options.repetitions, 3) : options.repetitions;
  for (int i = -1; i < repetitions; ++i) {  // the first round warms up
    for (std::size_t way = 0; way < ways.size(); ++way) {
      const double taken = seconds_of(ways[way]);
      if (i >= 0) times[way].push_back(taken);
    }
  }
  ways.front()();
  const PathAgreement agreement = compare_paths(work, score_straightforwardly(model, query, true));
  const double paths = work.paths();
  const double parallel = median(times[0]), alone = median(times[1]);
  const double one = median(times[2]), two = median(times[3]);
  const double gflops = product_flops(model.config(), work.paths()) / alone * 1e-9;
  const double sgemm = sgemm_gflops();
  BenchCase out;
  out.name = std::to_string(people) + "x" + std::to_string(each) + " paths";
  out.unit = "paths/s";
  out.engine = paths / parallel;
  out.straightforward = paths / std::min(one, two);
  out.ratio = out.engine / out.straightforward;
  out.agrees = agreement.holds();
  out.figures = {{"engine_one_thread_paths_per_s", paths / alone},
                 {"engine_prefixes_per_s", (people + paths * path_length) / parallel},
                 {"straightforward_1_thread_paths_per_s", paths / one},
                 {"straightforward_2_threads_paths_per_s", paths / two},
                 {"engine_one_thread_gflops", gflops},
                 {"sgemm_one_thread_gflops", sgemm},
                 {"share_of_sgemm", gflops / sgemm},
                 {"largest_ioi_difference", agreement.ioi},
                 {"largest_ctr_difference", agreement.ctr},
                 {"equal_rank_share", agreement.equal_ranks}};
  return out;
}

}  // namespace

BenchReport path_score(const BenchOptions& options) {
  const nn::SequenceModel model =
      nn::SequenceModel::initialise(nn::SequenceConfig::sasrec(movielens_items), options.seed, "cpu");
  BenchReport report;
  report.workload = "path-score";
  for (const std::int32_t each : {1, options.quick ? 2 : 16})
    report.cases.push_back(run_case(model, each, options));
  report.notes = {
      "The ratio is a better algorithm more than faster arithmetic: one causal pass reads all prefixes, "
      "histories are shared, "
      "ranks are counted instead of sorted.",
      "GFLOP/s count the engine's matrix products only and divide by the whole time on one thread."};
  return report;
}

}  // namespace veer::bench

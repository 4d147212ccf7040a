#include "tools/bench/path_score.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>

#include "env/path_scoring.h"
#include "env/random.h"
#include "simulators/sequence_user.h"
#include "tools/bench/path_score_straightforward.h"

namespace veer::bench {
namespace {

constexpr std::int32_t catalogue = 3706;
constexpr std::int32_t users = 64;
constexpr std::int32_t history_length = 10;
constexpr std::int32_t path_length = 10;

/// Histories, targets and paths drawn uniformly.
struct Work {
  Work(std::int32_t each, std::uint64_t seed) : paths(users * each) {
    const auto draw = [&](std::uint64_t row, std::uint32_t lane) {
      return static_cast<ItemId>(uniform_below(catalogue, {seed, row, 0}, Stream::generate, lane)) + 1;
    };
    for (std::uint32_t u = 0; u < users; ++u) {
      for (std::uint32_t t = 0; t < history_length; ++t) history.push_back(draw(u, t));
      size.push_back(history_length);
      user.push_back(static_cast<UserId>(u));
      target.push_back(draw(u, history_length));
    }
    for (std::int32_t p = 0; p < paths; ++p) {
      for (std::uint32_t k = 0; k < path_length; ++k)
        items.push_back(draw(std::uint64_t{1000} + static_cast<std::uint64_t>(p), k));
      prompt.push_back(p / each);
      length.push_back(path_length);
    }
    const auto cells = static_cast<std::size_t>(paths) * path_length;
    acceptance.resize(cells);
    interest.resize(cells);
    rank.resize(cells);
    start_interest.resize(users);
    start_rank.resize(users);
  }
  PathQuery query() const {
    PathQuery q;
    q.history = {history.data(), users, history_length};
    q.history_size = size;
    q.user = user;
    q.target = target;
    q.prompt = prompt;
    q.items = {items.data(), paths, path_length};
    q.length = length;
    return q;
  }
  PathScores scores() {
    return {{acceptance.data(), paths, path_length},
            {interest.data(), paths, path_length},
            {rank.data(), paths, path_length},
            start_interest,
            start_rank};
  }

  std::int32_t paths;
  std::vector<ItemId> history, target, items;
  std::vector<std::int32_t> size, prompt, length;
  std::vector<UserId> user;
  std::vector<float> acceptance, interest, start_interest;
  std::vector<std::int32_t> rank, start_rank;
};

struct Agreement {
  double ioi = 0.0, ctr = 0.0;  ///< largest differences over paths
  double equal_ranks = 0.0;     ///< share
  bool ranks_within = true;
  bool holds() const { return ioi <= 1e-4 && ctr <= 1e-4 && ranks_within; }
};

Agreement compare(const Work& work, const PrefixScores& plain) {
  Agreement found;
  std::int64_t equal = 0, compared = 0;
  const auto rank_agrees = [&](std::int32_t rank, std::size_t at) {
    found.ranks_within &= plain.lowest_rank[at] <= rank && rank <= plain.highest_rank[at];
    equal += rank == plain.rank[at];
    ++compared;
  };
  for (std::int32_t p = 0; p < work.paths; ++p) {
    const auto path = static_cast<std::size_t>(p), prompt = static_cast<std::size_t>(work.prompt[path]);
    const std::size_t row = path * (path_length + 1);
    double engine_ctr = 0.0, plain_ctr = 0.0;
    rank_agrees(work.start_rank[prompt], row);
    for (std::size_t k = 0; k < path_length; ++k) {
      engine_ctr += work.acceptance[path * path_length + k];
      plain_ctr += plain.acceptance[path * path_length + k];
      rank_agrees(work.rank[path * path_length + k], row + k + 1);
      const double engine_ioi = work.interest[path * path_length + k] - work.start_interest[prompt];
      const double plain_ioi = plain.interest[row + k + 1] - plain.interest[row];
      found.ioi = std::max(found.ioi, std::abs(engine_ioi - plain_ioi));
    }
    found.ctr = std::max(found.ctr, std::abs(engine_ctr - plain_ctr) / path_length);
  }
  found.equal_ranks = static_cast<double>(equal) / static_cast<double>(compared);
  return found;
}

/// Multiplications and additions of the engine's matrix products.
double product_flops(const nn::SequenceConfig& c, std::int32_t paths) {
  const double d = c.hidden, f = c.inner;
  const double keys = 4.0 * d * d, rest = 4.0 * d * d + 4.0 * d * f;
  const double history = static_cast<double>(users) * history_length,
               items = static_cast<double>(paths) * path_length;
  const double layers = c.layers;
  const double tokens =
      (history + items) * layers * keys + (history * (layers - 1) + users + items * layers) * rest;
  return tokens + (users + items) * 2.0 * d * (c.items + 1);
}

double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

BenchCase run_case(const nn::SequenceModel& model, std::int32_t each, const BenchOptions& options) {
  Work work(each, options.seed);
  const PathQuery query = work.query();
  const PathScores scores = work.scores();
  const auto judge = make_sequence_user(model);
  const auto workspace =
      judge->make_workspace({.rows = users, .history_capacity = history_length + path_length});
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
      const double taken = seconds(ways[way]);
      if (i >= 0) times[way].push_back(taken);
    }
  }
  ways.front()();
  const Agreement agreement = compare(work, score_straightforwardly(model, query, true));
  const double paths = work.paths;
  const double parallel = median(times[0]), alone = median(times[1]);
  const double one = median(times[2]), two = median(times[3]);
  const double gflops = product_flops(model.config(), work.paths) / alone * 1e-9;
  const double sgemm = sgemm_gflops();
  BenchCase out;
  out.name = std::to_string(users) + "x" + std::to_string(each) + " paths";
  out.unit = "paths/s";
  out.engine = paths / parallel;
  out.straightforward = paths / std::min(one, two);
  out.ratio = out.engine / out.straightforward;
  out.agrees = agreement.holds();
  out.figures = {{"engine_one_thread_paths_per_s", paths / alone},
                 {"engine_prefixes_per_s", (users + paths * path_length) / parallel},
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
      nn::SequenceModel::initialise(nn::SequenceConfig::sasrec(catalogue), options.seed, "cpu");
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

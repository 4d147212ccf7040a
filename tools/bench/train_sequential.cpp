#include "tools/bench/train_sequential.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <functional>
#include <memory>
#include <string>

#include "env/runtime.h"
#include "tools/bench/memory.h"
#include "tools/bench/path_score_straightforward.h"
#include "tools/bench/sequential_learner.h"
#include "tools/bench/sequential_straightforward.h"

namespace veer::bench {
namespace {

constexpr std::int32_t batch_rows = 256;
constexpr std::int32_t ranked_rows = 1024;

std::string with_comma(std::int32_t count) {
  std::string text = std::to_string(count);
  if (text.size() > 3) text.insert(text.size() - 3, ",");
  return text;
}

/// Processor time of this process; with other programs on the machine it says more than the wall's.
double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

double processor_seconds_of(const std::function<void()>& work) {
  const double start = processor_seconds();
  work();
  return processor_seconds() - start;
}

/// sgemm on every worker at the same time, GFLOP/s together.
double sgemm_of_all_workers(int threads) {
  std::vector<double> each(at(threads));
  parallel_for(threads, [&](std::int64_t i) { each[at(i)] = sgemm_gflops(); });
  double sum = 0.0;
  for (const double rate : each) sum += rate;
  return sum;
}

/// The least that one update multiplies and adds over the catalogue: cross-entropy takes three products of
/// the batch with the table, choosing the next action one more.
double catalogue_flops(const LearnerShape& shape) {
  const double product = 2.0 * batch_rows * shape.encoder.output_width() * shape.items;
  return product * (shape.objective == Objective::sqn ? 4.0 : 3.0);
}

/// Both sides from the same weights over the same batches.
struct Contest {
  const Sessions& sessions;
  LearnerShape shape;
  SequentialLearner engine;
  std::uint32_t engine_step = 0, plain_step = 0;
  EventBatch batch;
  StraightforwardLearner plain;

  /// `head_start` updates go before: both sides begin with what the engine learned in them.
  Contest(const Sessions& given, const LearnerShape& given_shape, int head_start = 0)
      : sessions(given), shape(given_shape), engine(shape), plain(shape, after(head_start), sessions) {
    plain_step = engine_step;
  }

  const SequentialLearner& after(int head_start) {
    for (int i = 0; i < head_start; ++i) step_engine();
    return engine;
  }
  double step_engine() {
    draw_batch(sessions, batch_rows, shape.seed, engine_step, batch);
    return engine.step(batch, engine_step++);
  }
  double step_plain() {
    // The draw is the same; the straightforward side is given the rows of its materialised windows.
    draw_batch(sessions, batch_rows, shape.seed, plain_step, batch);
    return plain.step(batch.events, plain_step++);
  }
};

BenchCase train_case(const Sessions& sessions, const LearnerShape& shape, const BenchOptions& options) {
  Contest contest(sessions, shape);
  const int updates = options.quick ? 10 : 100;
  std::vector<double> losses;
  const auto train = [&](int until) {
    while (static_cast<int>(losses.size()) < until) losses.push_back(contest.step_engine());
  };
  train(updates / 5);  // what is kept from step to step has been allocated
  const double before = resident_gib();
  train(updates);
  const double grown = resident_gib() - before;
  double apart = 0.0;
  for (const double loss : losses) apart = std::max(apart, std::abs(loss - contest.step_plain()));

  const int steps = shape.items > 50000 ? 4 : 8;
  const auto run_engine = [&] {
    for (int i = 0; i < steps; ++i) contest.step_engine();
  };
  const auto run_plain = [&](int threads) {
    return [&contest, steps, threads] {
      const IntraOpThreads scope(threads);
      for (int i = 0; i < steps; ++i) contest.step_plain();
    };
  };
  contest.engine.forget_times();
  std::vector<double> engine, one, all, sgemm, engine_processor, one_processor;
  const auto plain_one = run_plain(1), plain_all = run_plain(options.threads);
  for (int i = 0; i < options.repetitions; ++i) {
    engine_processor.push_back(processor_seconds_of([&] { engine.push_back(seconds_of(run_engine)); }));
    sgemm.push_back(sgemm_of_all_workers(options.threads));
    one_processor.push_back(processor_seconds_of([&] { one.push_back(seconds_of(plain_one)); }));
    // Whichever number of threads loses the first time is not timed again.
    if (i == 0 || all.front() < one.front()) all.push_back(seconds_of(plain_all));
  }
  const PhaseTimes times = contest.engine.times();
  const double timed = std::max(1e-9, times.encode + times.heads + times.updates);
  const double fastest = std::min(median(one), median(all));
  const double rows = double{batch_rows} * steps;
  const double gflops = catalogue_flops(shape) * steps / median(engine) * 1e-9;
  // What the heads alone reach while they work.
  const double head_gflops = gflops * timed / std::max(1e-9, times.heads);
  BenchCase out;
  out.name = std::string(shape.objective == Objective::sqn ? "SQN, " : "supervised, ") +
             std::string(nn::word_of(shape.encoder.kind)) + ", " + with_comma(shape.items) + " items";
  out.unit = "examples/s";
  out.engine = rows / median(engine);
  out.straightforward = rows / fastest;
  out.ratio = out.engine / out.straightforward;
  out.agrees = apart <= 1e-4;
  out.figures = {{"updates_compared", updates},
                 {"largest_loss_difference", apart},
                 {"loss_after_them", losses.back()},
                 {"straightforward_1_thread_examples_per_s", rows / median(one)},
                 {"straightforward_all_threads_examples_per_s", rows / median(all)},
                 {"engine_examples_per_processor_s", rows / median(engine_processor)},
                 {"straightforward_1_thread_examples_per_processor_s", rows / median(one_processor)},
                 {"ratio_of_processor_time", median(one_processor) / median(engine_processor)},
                 {"share_of_time_in_encoder", times.encode / timed},
                 {"share_of_time_in_heads", times.heads / timed},
                 {"share_of_time_in_adam", times.updates / timed},
                 {"catalogue_gflops", gflops},
                 {"catalogue_gflops_within_heads", head_gflops},
                 {"sgemm_gflops_all_workers", median(sgemm)},
                 {"share_of_sgemm", gflops / median(sgemm)},
                 {"share_of_sgemm_within_heads", head_gflops / median(sgemm)},
                 {"bytes_per_event", sessions.bytes_per_event()},
                 {"straightforward_bytes_per_event", contest.plain.bytes_per_event()},
                 {"growth_of_the_engine_over_the_updates_mib", grown * 1024.0}};
  return out;
}

BenchCase rank_case(const Sessions& sessions, const LearnerShape& shape, const BenchOptions& options) {
  Contest contest(sessions, shape, /*head_start=*/40);
  EventBatch held_out;
  draw_batch(sessions, ranked_rows, shape.seed + 1, 0, held_out);
  std::vector<std::int32_t> ranks;
  std::vector<double> engine, one, all;
  const auto plain = [&](int threads) {
    return [&contest, &held_out, threads] {
      const IntraOpThreads scope(threads);
      contest.plain.rank(held_out.events);
    };
  };
  const auto plain_one = plain(1), plain_all = plain(options.threads);
  const auto run_engine = [&] { contest.engine.rank(held_out, ranks); };
  for (int i = -1; i < std::min(options.repetitions, 3); ++i) {
    const double times[] = {seconds_of(run_engine), seconds_of(plain_one), seconds_of(plain_all)};
    if (i < 0) continue;  // the first round warms up
    engine.push_back(times[0]);
    one.push_back(times[1]);
    all.push_back(times[2]);
  }
  std::vector<RankBounds> bounds;
  const std::vector<std::int64_t> sorted = contest.plain.rank(held_out.events, &bounds);
  std::int64_t equal = 0, possible = 0;
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    equal += ranks[r] == sorted[r] ? 1 : 0;
    possible += ranks[r] >= bounds[r].lowest && ranks[r] <= bounds[r].highest ? 1 : 0;
  }
  const double fastest = std::min(median(one), median(all));
  BenchCase out;
  out.name = "ranks, " + with_comma(shape.items) + " items";
  out.unit = "events/s";
  out.engine = ranked_rows / median(engine);
  out.straightforward = ranked_rows / fastest;
  out.ratio = out.engine / out.straightforward;
  out.agrees = possible == ranked_rows;
  out.figures = {{"straightforward_1_thread_events_per_s", ranked_rows / median(one)},
                 {"straightforward_all_threads_events_per_s", ranked_rows / median(all)},
                 {"equal_rank_share", static_cast<double>(equal) / ranked_rows}};
  return out;
}

}  // namespace

BenchReport train_sequential(const BenchOptions& options) {
  BenchReport report;
  report.workload = "train-sequential";
  LearnerShape shape;
  shape.encoder.kind = nn::encoder_kind(options.encoder);
  shape.encoder.dropout = 0.0F;
  shape.seed = options.seed;
  const std::vector<std::int32_t> catalogues =
      options.quick ? std::vector<std::int32_t>{movielens_items} : std::vector<std::int32_t>{26702, 70852};
  for (const std::int32_t items : catalogues) {
    shape.items = items;
    const Sessions sessions(items, options.quick ? 2000 : 50000, options.seed);
    for (const Objective objective : {Objective::supervised, Objective::sqn}) {
      shape.objective = objective;
      report.cases.push_back(train_case(sessions, shape, options));
    }
    shape.objective = Objective::supervised;
    report.cases.push_back(rank_case(sessions, shape, options));
  }
  report.notes = {
      "batch 256, width 64, states of 10 items, no dropout, dense Adam on every table; GFLOP/s count three "
      "products with the catalogue per cross-entropy and one per choice of the next action, nothing else",
      "beside other programs on the machine read ratio_of_processor_time, against one thread: what is left "
      "of the "
      "ratio if the straightforward side scaled perfectly",
      "the engine gathers windows from a flat log; the straightforward side holds them all, made beforehand"};
  return report;
}

}  // namespace veer::bench

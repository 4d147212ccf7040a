#include "tools/bench/user_step.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "env/runtime.h"
#include "simulators/sequence/sequence_user.h"
#include "simulators/shift/shift_user.h"
#include "tools/bench/crowd.h"
#include "tools/bench/sgemm.h"

namespace veer::bench {
namespace {

constexpr std::int32_t encoded_rows = 1024;      ///< of the straightforward side, whatever the batch
constexpr std::int32_t most_cached_rows = 4096;  ///< keys and values of a row take 61 KB

BenchCase measure(const shift::ShiftUser& users, const UserModel& encoder, std::int32_t rows, bool scores,
                  double sgemm, const BenchOptions& options) {
  const int steps = std::max(1, 65536 / rows);
  Crowd crowd(users, rows, options.threads);
  crowd.begin();
  Crowd anew(encoder, std::min(rows, encoded_rows), options.threads);
  const auto [shifting, encoding] = alternate(
      options.repetitions,
      [&] {
        for (int t = 0; t < steps; ++t) crowd.step(scores);
      },
      [&] { anew.step_anew(scores); });
  BenchCase result;
  result.name = std::string(scores ? "with full-catalogue scores" : "acceptance of one item") + ", batch " +
                std::to_string(rows);
  result.unit = "user-steps/s";
  result.engine = static_cast<double>(rows) * steps / shifting;
  result.straightforward = std::min(rows, encoded_rows) / encoding;
  result.ratio = result.engine / result.straightforward;
  if (rows <= most_cached_rows) {
    Crowd cached(encoder, rows, 0);
    std::vector<double> seconds;
    for (int i = 0; i <= options.repetitions; ++i) {
      cached.rewind();
      cached.begin();
      const double s = seconds_of([&] {
        for (int t = 0; t < capacity - history; ++t) cached.step(scores);
      });
      if (i > 0) seconds.push_back(s);
    }
    const double rate = static_cast<double>(rows) * (capacity - history) / median(seconds);
    result.figures.emplace_back("SASRec cached user-steps/s", rate);
    result.figures.emplace_back("ratio to SASRec cached", result.engine / rate);
  }
  if (scores) {
    const double operations = 2.0 * movielens_items * users.items().augmented();
    result.figures.emplace_back("share of the sgemm rate", result.engine * operations / sgemm);
    result.figures.emplace_back("sgemm GFLOP/s", sgemm / 1e9);
  }
  // With every mechanism off, both sides are one and the same model.
  const shift::ShiftUser still(random_shift_people(users.model().base, {}));
  Crowd a(still, 128, 1), b(encoder, 128, 1);
  a.step_anew(true);
  b.step_anew(true);
  const Shard left = a.batch().shard(0), right = b.batch().shard(0);
  double gap = 0.0;
  for (std::int32_t r = 0; r < 128; ++r) {
    gap = std::max(gap, std::abs(double{left.probability(r)} - double{right.probability(r)}));
  }
  result.agrees = gap <= 1e-5;
  result.figures.emplace_back("worst probability gap with every mechanism off", gap);
  return result;
}

/// What `rows` people take while they are played: all columns of a batch with histories 50 wide.
BenchCase crowd_of(const shift::ShiftUser& users, std::int32_t rows) {
  Batch batch({.rows = rows,
               .shard_rows = shard_rows,
               .history_capacity = history,
               .slots = 1,
               .user_state = users.spec().state_width},
              1);
  // Counted, not read off the process: the heap may have kept enough from the cases before.
  double used = 0.0;
  batch.for_each_column(
      [&](std::string_view, std::span<std::byte> bytes) { used += static_cast<double>(bytes.size()); });
  BenchCase result;
  result.name = std::to_string(rows) + " people resident";
  result.unit = "people/GB";
  result.engine = rows / (used / 1e9);
  result.agrees = used < 1e3 * rows;
  result.figures = {
      {"bytes per person, all columns", used / rows},
      {"bytes per person, taste alone", sizeof(float) * double{1.0} * users.spec().state_width}};
  return result;
}

}  // namespace

BenchReport user_step(const BenchOptions& options) {
  const nn::SequenceModel base = random_network("sasrec", options.seed);
  const shift::ShiftUser users(
      random_shift_people(base, shift::Mechanisms::all().without(shift::Mechanism::drift)));
  const auto encoder = make_sequence_user(base);
  BenchReport report;
  report.workload = "user-step";
  const double sgemm = sgemm_rate(options.threads, options.repetitions);
  for (const bool scores : {false, true}) {
    for (const std::int32_t rows : {256, 4096, 65536}) {
      if (options.quick && rows > 4096) continue;
      report.cases.push_back(measure(users, *encoder, rows, scores, sgemm, options));
    }
  }
  report.cases.push_back(crowd_of(users, options.quick ? 100'000 : 1'000'000));
  report.notes = {
      "people of shift_user: all mechanisms on but drift, whose random numbers would be most of a step",
      "the straightforward side encodes histories of 50 items by this program's SASRec before every answer, "
      "on "
      "at most " +
          std::to_string(encoded_rows) + " rows; its rate does not depend on the batch",
      "a cached step of SASRec keeps keys and values, 61 KB per person"};
  return report;
}

}  // namespace veer::bench

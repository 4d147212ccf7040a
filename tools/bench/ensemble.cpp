#include "tools/bench/ensemble.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "simulators/ensemble/ensemble_user.h"
#include "simulators/sequence/sequence_user.h"
#include "simulators/shift/shift_user.h"
#include "tools/bench/crowd.h"

namespace veer::bench {
namespace {

using Models = std::vector<std::shared_ptr<const UserModel>>;

constexpr std::int32_t steps = capacity - history;
constexpr std::uint64_t members = 5;

/// A whole episode of everybody: the history is read, then `steps` answers.
void play(Crowd& crowd, bool scores) {
  crowd.rewind();
  crowd.begin();
  for (std::int32_t t = 0; t < steps; ++t) crowd.step(scores);
}

struct Sides {
  std::unique_ptr<UserModel> together;
  Models apart;
};

BenchCase measure(const std::string& name, const Sides& sides, std::int32_t rows, bool scores,
                  const BenchOptions& options) {
  // Keys of networks that read every step are kept for each shard.
  const int tasks = sides.together->cache_bytes({.rows = shard_rows, .history_capacity = capacity}) > 0
                        ? 0
                        : options.threads;
  Crowd together(*sides.together, rows, tasks);
  std::vector<std::unique_ptr<Crowd>> apart;
  for (const auto& model : sides.apart) apart.push_back(std::make_unique<Crowd>(*model, rows, tasks));
  const auto [engine, straightforward] = alternate(
      options.repetitions, [&] { play(together, scores); },
      [&] {
        for (const auto& crowd : apart) play(*crowd, scores);
      });
  std::vector<double> one;
  for (int i = 0; i <= options.repetitions; ++i) {
    const double s = seconds_of([&] { play(*apart.front(), scores); });
    if (i > 0) one.push_back(s);
  }
  BenchCase result;
  result.name = name + (scores ? ", full-catalogue scores" : ", acceptance of one item") + ", batch " +
                std::to_string(rows);
  result.unit = "user-steps/s";
  result.engine = static_cast<double>(rows) * steps / engine;
  result.straightforward = static_cast<double>(rows) * steps / straightforward;
  result.ratio = result.engine / result.straightforward;
  result.figures.emplace_back("cost in single models", engine / median(one));
  double gap = 0.0;
  for (std::int32_t s = 0; s < together.batch().shards(); ++s) {
    const Shard mixed = together.batch().shard(s);
    for (std::int32_t r = 0; r < shard_rows; ++r) {
      double mean = 0.0;
      for (const auto& crowd : apart) mean += double{crowd->batch().shard(s).probability(r)} / members;
      gap = std::max(gap, std::abs(mean - double{mixed.probability(r)}));
    }
  }
  result.agrees = gap <= 1e-6;
  result.figures.emplace_back("worst gap to the mean probability of the five", gap);
  return result;
}

Sides sharing(std::uint64_t seed) {
  const nn::SequenceModel base = random_network("sasrec", seed);
  const shift::Mechanisms on = shift::Mechanisms::all().without(shift::Mechanism::drift);
  Sides sides;
  Models shared;
  for (std::uint64_t m = 1; m <= members; ++m) {
    const shift::ShiftModel model = random_shift_people(base, on, m);
    sides.apart.push_back(std::make_shared<const shift::ShiftUser>(model));
    const auto* first = shared.empty() ? nullptr : dynamic_cast<const shift::ShiftUser*>(shared[0].get());
    shared.push_back(first == nullptr ? std::make_shared<const shift::ShiftUser>(model)
                                      : std::make_shared<const shift::ShiftUser>(model, *first));
  }
  sides.together = make_ensemble(std::move(shared));
  return sides;
}

Sides strangers(std::uint64_t seed) {
  Sides sides;
  for (std::uint64_t m = 0; m < members; ++m)
    sides.apart.push_back(make_sequence_user(random_network("sasrec", seed + m)));
  sides.together = make_ensemble(sides.apart);
  return sides;
}

}  // namespace

BenchReport ensemble(const BenchOptions& options) {
  BenchReport report;
  report.workload = "ensemble";
  const std::int32_t rows = options.quick ? 256 : 1024;
  const Sides same = sharing(options.seed), other = strangers(options.seed);
  for (const bool scores : {false, true}) {
    report.cases.push_back(measure("shift_user, one network", same, rows, scores, options));
  }
  report.cases.push_back(measure("SASRec, five networks", other, rows, true, options));
  report.notes = {
      "five members; a history of " + std::to_string(history) + " items is read, then " +
          std::to_string(steps) + " steps are played",
      "the straightforward side plays the five models one after another",
      "cost in single models: what the ensemble takes over what one of the five takes; 5 is linear"};
  return report;
}

}  // namespace veer::bench

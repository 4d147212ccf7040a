#include "tools/bench/user_models.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "simulators/sequence/sequence_user.h"
#include "simulators/synthetic/synthetic_user.h"
#include "tools/bench/crowd.h"

namespace veer::bench {
namespace {

constexpr std::int32_t topics = 64;

struct Kind {
  std::string name;
  std::shared_ptr<const UserModel> model;
  bool moves_as_begun;  ///< a step leads where beginning anew from the longer history leads
};

std::vector<Kind> kinds(std::uint64_t seed) {
  const nn::SequenceModel base = random_network("sasrec", seed);
  const auto all = shift::Mechanisms::all();
  SyntheticParameters drifting{.items = movielens_items, .topics = topics, .seed = seed}, steady = drifting;
  steady.rates.drift = 0.0F;
  const auto synthetic = [](const SyntheticParameters& world) {
    return std::make_shared<SyntheticUser>(std::make_shared<SyntheticWorld>(world));
  };
  const auto shifting = [&](shift::Mechanisms on) {
    return std::make_shared<shift::ShiftUser>(random_shift_people(base, on));
  };
  return {{"synthetic without drift", synthetic(steady), true},
          {"synthetic", synthetic(drifting), false},
          {"shift_user without drift", shifting(all.without(shift::Mechanism::drift)), false},
          {"shift_user", shifting(all), false},
          {"gru4rec", make_sequence_user(random_network("gru4rec", seed)), true},
          {"sasrec", make_sequence_user(base), true}};
}

/// Largest difference between an answer of people who were stepped and of people begun anew: the second one
/// where both must agree about where the first one led, else the first.
double gap_between(const Kind& kind, Crowd& stepped, Crowd& anew) {
  for (Crowd* crowd : {&stepped, &anew}) {
    crowd->begin();
    if (kind.moves_as_begun) crowd->step(false);
  }
  stepped.step(false);
  anew.step_anew(false);
  const Shard left = stepped.batch().shard(0), right = anew.batch().shard(0);
  double gap = 0.0;
  for (std::int32_t r = 0; r < shard_rows; ++r)
    gap = std::max(gap, std::abs(double{left.probability(r)} - double{right.probability(r)}));
  anew.rewind();
  return gap;
}

BenchCase measure(const Kind& kind, bool scores, const BenchOptions& options) {
  const std::int32_t rows = options.quick ? 256 : 1024;
  constexpr int steps = capacity - history;
  // A workspace per shard on both sides: cached keys are kept, as the engine keeps them.
  Crowd crowd(*kind.model, rows, 0);
  Crowd anew(*kind.model, rows, 0);
  const double gap = gap_between(kind, crowd, anew);
  std::vector<double> stepping, beginning;
  for (int i = 0; i <= options.repetitions; ++i) {
    crowd.rewind();
    crowd.begin();
    const double s = seconds_of([&] {
      for (int t = 0; t < steps; ++t) crowd.step(scores);
    });
    const double b = seconds_of([&] { anew.step_anew(scores); });
    if (i == 0) continue;  // to warm up
    stepping.push_back(s);
    beginning.push_back(b);
  }
  BenchCase result;
  result.name = kind.name + (scores ? ", with full-catalogue scores" : ", acceptance of one item");
  result.unit = "user-steps/s";
  result.engine = static_cast<double>(rows) * steps / median(stepping);
  result.straightforward = rows / median(beginning);
  result.ratio = result.engine / result.straightforward;
  result.agrees = gap <= 1e-4;
  result.figures = {{"microseconds per step and core", 1e6 * options.threads / result.engine},
                    {"bytes of state", sizeof(float) * double{1.0} * kind.model->spec().state_width},
                    {"worst probability gap", gap}};
  return result;
}

}  // namespace

BenchReport user_models(const BenchOptions& options) {
  BenchReport report;
  report.workload = "user-models";
  const std::vector<Kind> all = kinds(options.seed);
  for (const bool scores : {false, true}) {
    const std::size_t first = report.cases.size();
    for (const Kind& kind : all) report.cases.push_back(measure(kind, scores, options));
    double fastest = 0.0;
    for (std::size_t i = first; i < report.cases.size(); ++i)
      fastest = std::max(fastest, report.cases[i].engine);
    for (std::size_t i = first; i < report.cases.size(); ++i)
      report.cases[i].figures.emplace_back("times the cheapest", fastest / report.cases[i].engine);
  }
  report.notes = {
      "3,706 items, width 64, histories of 50 items, batch 1,024 (256 with --quick), random weights",
      "straightforward: the same model begun anew from the history before every answer",
      "10 steps behind the history, so that keys and values of SASRec stay cached (61 KB per person)",
      "microseconds per step and core: workers of the arena (" + std::to_string(options.threads) +
          ") over user-steps/s"};
  return report;
}

}  // namespace veer::bench

#include "simulators/long_run/long_run.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "env/error.h"
#include "env/random.h"
#include "env/runtime.h"
#include "simulators/long_run/acceptance.h"
#include "simulators/long_run/distances.h"

namespace veer::long_run {
namespace {

constexpr std::int64_t fewest_people = 20;

void check(const UserModel& model, const Dataset& data, const Options& options) {
  const auto require = [](bool holds, const char* field, std::int64_t found, const std::string& expected) {
    if (holds) return;
    throw ConfigError(Where{{}, 0, field}, Problem{std::to_string(found), expected, ""});
  };
  require(model.spec().items == data.catalogue.size(), "items", model.spec().items,
          std::to_string(data.catalogue.size()) + ", the items of the data set");
  require(options.window >= 1 && options.window <= options.starts.steps, "window", options.window,
          "1 to the number of steps");
  require(options.halvings >= 2 && options.halvings <= 10'000, "halvings", options.halvings, "2 to 10000");
}

/// How often each item was taken by people other than those compared; by everybody when there is nobody else.
std::vector<double> popularity_elsewhere(const Dataset& data, const std::vector<UserId>& people) {
  std::vector<std::uint8_t> compared(static_cast<std::size_t>(data.interactions.users()), 0);
  for (const UserId user : people) compared[static_cast<std::size_t>(user)] = 1;
  const bool all = std::all_of(compared.begin(), compared.end(), [](std::uint8_t c) { return c != 0; });
  std::vector<double> weight(static_cast<std::size_t>(data.catalogue.size()) + 1, 0.0);
  for (UserId user = 0; user < data.interactions.users(); ++user) {
    if (!all && compared[static_cast<std::size_t>(user)] != 0) continue;
    for (const ItemId item : data.interactions.of(user)) weight[static_cast<std::size_t>(item)] += 1.0;
  }
  return weight;
}

std::vector<Measure> measures_of(const ItemClasses& classes, std::int32_t rest,
                                 std::vector<std::string>& not_compared) {
  std::vector<Measure> measures = {Measure::popularity, Measure::items};
  if (classes.attributes() > 0) {
    for (const Measure measure : {Measure::attributes, Measure::transitions, Measure::diversity,
                                  Measure::autocorrelation, Measure::profiles}) {
      measures.push_back(measure);
    }
  } else {
    not_compared.push_back(
        "attributes, transitions, diversity, taste: the items of this log have no attributes");
  }
  if (rest != never_again) {
    measures.push_back(Measure::repeats);
  } else {
    not_compared.push_back("repeat rate: nobody in this log takes an item twice");
  }
  return measures;
}

/// The distances of one halving.
struct Halving {
  Distances real{};
  Distances simulated{};
  Distances by_popularity{};
};

std::vector<Halving> halve(const Behaviour& real, const Behaviour& simulated, const Behaviour& popular,
                           std::size_t people, const std::vector<Measure>& measures, const Options& options) {
  const double bandwidth = median_distance(real.profiles());
  std::vector<Halving> halvings(static_cast<std::size_t>(options.halvings));
  parallel_for(options.halvings, [&](std::int64_t h) {
    if (interrupted()) return;
    std::vector<std::int32_t> order(people);
    std::iota(order.begin(), order.end(), 0);
    shuffle({options.seed, static_cast<EpisodeId>(h), 0}, Stream::bootstrap, order);
    const auto first = std::span<const std::int32_t>(order).first(people / 2);
    const auto second = std::span<const std::int32_t>(order).subspan(people / 2);
    const auto both_ways = [&](const Behaviour& other) {
      Distances out = compare(other, first, real, second, measures, bandwidth);
      const Distances back = compare(real, first, other, second, measures, bandwidth);
      for (std::size_t m = 0; m < measure_count; ++m) out[m] = (out[m] + back[m]) / 2.0;
      return out;
    };
    Halving& halving = halvings[static_cast<std::size_t>(h)];
    halving.real = compare(real, first, real, second, measures, bandwidth);
    halving.simulated = both_ways(simulated);
    halving.by_popularity = both_ways(popular);
  });
  if (interrupted()) throw Interrupted("interrupted while populations were compared; nothing was written");
  return halvings;
}

double ratio_of(double distance, double real) {
  constexpr double nothing = 1e-12;
  if (real > nothing) return distance / real;
  return distance > nothing ? std::numeric_limits<double>::infinity() : 1.0;
}

Row summarise(Measure measure, const std::vector<Halving>& halvings) {
  const std::size_t m = index(measure);
  double real = 0.0;
  double squares = 0.0;
  Row row;
  row.measure = measure;
  for (const Halving& halving : halvings) {
    real += halving.real[m];
    squares += halving.real[m] * halving.real[m];
    row.simulated += halving.simulated[m];
    row.by_popularity += halving.by_popularity[m];
  }
  const auto count = static_cast<double>(halvings.size());
  row.real = real / count;
  row.simulated /= count;
  row.by_popularity /= count;
  row.real_deviation = std::sqrt(std::max(0.0, squares / count - row.real * row.real));
  if (measure == Measure::profiles) {
    row.real = std::sqrt(std::sqrt(squares / count));
    row.simulated = std::sqrt(std::max(0.0, row.simulated));
    row.by_popularity = std::sqrt(std::max(0.0, row.by_popularity));
  }
  row.ratio = ratio_of(row.simulated, row.real);
  row.popularity_ratio = ratio_of(row.by_popularity, row.real);
  return row;
}

Grade grade_rows(const std::vector<Row>& rows, double Row::*ratio) {
  std::vector<std::pair<std::string_view, double>> ratios;
  for (const Row& row : rows) ratios.emplace_back(info(row.measure).name, row.*ratio);
  return grade_of(ratios);
}

/// Rows, grades and courses of a report whose not_compared may grow.
void compare_all(Report& report, const Behaviour& real, const Behaviour& simulated, const Behaviour& popular,
                 const Options& options) {
  const std::vector<Measure> measures = measures_of(real.classes(), report.rest, report.not_compared);
  const auto people = static_cast<std::size_t>(report.people);
  const std::vector<Halving> halvings = halve(real, simulated, popular, people, measures, options);
  for (const Measure each : measures) report.rows.push_back(summarise(each, halvings));
  report.grade = grade_rows(report.rows, &Row::ratio);
  report.popularity_grade = grade_rows(report.rows, &Row::popularity_ratio);
  if (real.classes().attributes() == 0) return;
  for (std::int32_t w = 1; w <= real.windows(); ++w) {
    report.diversity.real.push_back(mean_distinct(real, w));
    report.diversity.simulated.push_back(mean_distinct(simulated, w));
  }
  for (std::int32_t lag = 1; lag <= real.lags(); ++lag) {
    report.autocorrelation.real.push_back(mean_similarity(real, lag));
    report.autocorrelation.simulated.push_back(mean_similarity(simulated, lag));
  }
}

/// Throws DataError when there are not enough people.
void require_people(std::int64_t found, std::int64_t of) {
  if (found >= fewest_people) return;
  throw DataError(
      Where{{}, 0, "people"},
      Problem{std::to_string(found) + " of " + std::to_string(of) +
                  " with a log that long before and after the cut",
              "at least " + std::to_string(fewest_people) + " people to compare",
              "roll fewer steps, cut elsewhere, or take the people of another part or a larger data set"});
}

}  // namespace

std::map<std::string, double> Report::to_metrics() const {
  std::map<std::string, double> metrics;
  for (const Row& row : rows) metrics["long_run_" + std::string(info(row.measure).key)] = row.ratio;
  metrics["long_run_ratio"] = grade.score;
  metrics["long_run_worst_ratio"] = grade.worst_ratio;
  metrics["long_run_people"] = static_cast<double>(people);
  return metrics;
}

Report measure(const UserModel& model, const Dataset& data, const std::vector<UserId>& people,
               const Options& options) {
  check(model, data, options);
  const Interactions& log = data.interactions;
  StartOptions where = options.starts;
  where.seed = options.seed;
  const std::vector<Start> starts = starts_of(log, people, where);
  Report report;
  report.people = static_cast<std::int64_t>(starts.size());
  report.left_out = static_cast<std::int64_t>(people.size()) - report.people;
  require_people(report.people, static_cast<std::int64_t>(people.size()));
  report.rest = rest_between_repeats(log);
  report.chooses_for_itself = chooses_for_itself(model);

  RollOptions roll;
  roll.steps = where.steps;
  roll.seed = options.seed;
  roll.rest = report.rest;
  roll.proposals = options.proposals;
  const std::vector<double> weight = popularity_elsewhere(data, people);
  const Continuations popular_items = roll_by_weight(weight, log, starts, roll);
  if (options.progress) {
    roll.progress = [&](std::int64_t done) { options.progress(done, report.people); };
  }
  const Continuations simulated_items = roll_forward(model, log, starts, roll);

  const ItemClasses classes(data.catalogue, weight);
  const Behaviour real(classes, log, starts, real_continuations(log, starts, where.steps), options.window);
  const Behaviour simulated(classes, log, starts, simulated_items, options.window);
  const Behaviour popular(classes, log, starts, popular_items, options.window);
  compare_all(report, real, simulated, popular, options);
  report.not_compared.push_back("session length: no user model says when a person who chooses alone leaves");
  report.acceptance = calibration_after_cut(model, log, starts, where.steps, options.seed);
  return report;
}

Report compare_logs(const Dataset& data, const Interactions& real, const Interactions& made,
                    const Options& options) {
  const std::int32_t before = options.starts.least_history;
  StartOptions where = options.starts;
  where.cut = Cut::fixed;
  where.items_before = before;
  const auto starts_in = [&](const Interactions& log) {
    std::vector<UserId> everybody(static_cast<std::size_t>(log.users()));
    std::iota(everybody.begin(), everybody.end(), 0);
    return starts_of(log, everybody, where);
  };
  std::vector<Start> real_starts = starts_in(real);
  std::vector<Start> made_starts = starts_in(made);
  const std::size_t people = std::min(real_starts.size(), made_starts.size());
  real_starts.resize(people);
  made_starts.resize(people);
  Report report;
  report.people = static_cast<std::int64_t>(people);
  require_people(report.people, std::max(real.users(), made.users()));
  report.rest = rest_between_repeats(real);

  std::vector<double> weight(static_cast<std::size_t>(data.catalogue.size()) + 1, 0.0);
  for (const ItemId item : data.interactions.items) weight[static_cast<std::size_t>(item)] += 1.0;
  RollOptions roll;
  roll.steps = where.steps;
  roll.seed = options.seed;
  roll.rest = report.rest;
  const ItemClasses classes(data.catalogue, weight);
  const Behaviour popular(classes, real, real_starts, roll_by_weight(weight, real, real_starts, roll),
                          options.window);
  compare_all(report,
              Behaviour(classes, real, real_starts, real_continuations(real, real_starts, where.steps),
                        options.window),
              Behaviour(classes, made, made_starts, real_continuations(made, made_starts, where.steps),
                        options.window),
              popular, options);
  return report;
}

}  // namespace veer::long_run

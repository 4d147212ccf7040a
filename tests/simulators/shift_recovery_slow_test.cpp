// Studies, not checks of single functions: do fitted rates come out where the truth is, do their intervals
// cover it as often as they say, and what does a logger with opinions of its own do to them? Prints tables.
#include <torch/torch.h>

#include <cmath>
#include <cstdio>
#include <map>
#include <numeric>

#include "env/runtime.h"
#include "simulators/shift/shift_intervals.h"
#include "simulators/shift/shift_log.h"
#include "tests/simulators/shift_world.h"
#include "tests/test.h"

namespace veer::shift {
namespace {

using testing::lively_model;
using testing::small_data;

ShiftModel truth() {
  ShiftModel model = lively_model();
  Parameters& p = model.parameters;
  p.set_on({Mechanism::calibration, Mechanism::average, Mechanism::forgetting});
  p.set_value(Parameter::start_scale, 0.8F);
  p.set_value(Parameter::popularity, 0.5F);
  p.set_value(Parameter::acceptance_rate, -1.4F);
  p.set_value(Parameter::acceptance_gain, 0.9F);
  p.set_value(Parameter::forgetting, 0.12F);
  return model;
}

struct Row {
  double sum = 0.0, squares = 0.0;
  int covered = 0, count = 0;
};

/// Fits `logs` logs of `people` people each and says how the estimates lie around the truth.
std::map<Parameter, Row> study(const ShiftModel& model, int logs, LogOptions options) {
  const Dataset like = small_data();
  const auto items =
      std::make_shared<const Items>(model.facts, item_vectors(model.base), model.base.config().hidden);
  const Likelihood likelihood(items, model.recent_items);
  std::vector<RateEstimate> estimates(static_cast<std::size_t>(logs));
  std::vector<UserId> everybody(static_cast<std::size_t>(options.people));
  std::iota(everybody.begin(), everybody.end(), 0);
  for (int l = 0; l < logs; ++l) {
    options.seed = static_cast<std::uint64_t>(1000 + l);
    const Dataset log = generate_log(model, like, options);
    const Cases cases = make_cases(
        log, model.base, fixed_cuts(log.interactions, everybody, options.history, options.events), {});
    Parameters parameters(model.base.config().hidden, model.parameters.units(), 1);  // not the truth
    parameters.set_on(model.parameters.on());
    estimates[static_cast<std::size_t>(l)] = estimate_rates(likelihood, parameters, cases, 20);
  }
  std::map<Parameter, Row> rows;
  for (const RateEstimate& estimate : estimates) {
    for (const RateInterval& rate : estimate.rates) {
      const double wanted = model.parameters.value(rate.parameter);
      Row& row = rows[rate.parameter];
      row.sum += rate.value - wanted;
      row.squares += (rate.value - wanted) * (rate.value - wanted);
      row.covered += rate.low <= wanted && wanted <= rate.high ? 1 : 0;
      ++row.count;
    }
  }
  return rows;
}

void print(const char* title, const ShiftModel& model, const std::map<Parameter, Row>& rows) {
  std::printf("%s\n%-20s %9s %9s %9s %9s\n", title, "rate", "truth", "bias", "rmse", "coverage");
  for (const auto& [p, row] : rows) {
    std::printf("%-20s %9.4f %+9.4f %9.4f %8.1f%%\n", std::string(info(p).name).c_str(),
                double{model.parameters.value(p)}, row.sum / row.count, std::sqrt(row.squares / row.count),
                100.0 * row.covered / row.count);
  }
}

TEST_SUITE("shift recovery") {
  TEST_CASE("bias falls with the size of the log and 95 % intervals cover as they say") {
    const ShiftModel model = truth();
    constexpr int logs = 200;
    std::map<Parameter, Row> before;
    for (const std::int32_t people : {60, 120, 240}) {
      const auto rows = study(model, logs, {.people = people, .history = 5, .events = 12});
      const std::string title =
          "\n" + std::to_string(logs) + " logs of " + std::to_string(people) + " people";
      print(title.c_str(), model, rows);
      CHECK(rows.size() == 5);
      for (const auto& [p, row] : rows) {
        CAPTURE(info(p).name);
        CAPTURE(people);
        REQUIRE(row.count == logs);
        const double coverage = static_cast<double>(row.covered) / row.count;
        CHECK(coverage >= 0.90);
        CHECK(coverage <= 0.98);
        if (!before.empty()) CHECK(row.squares < before[p].squares);
      }
      before = rows;
    }
  }

  TEST_CASE("a logger with opinions of its own moves the rates: they predict, they do not explain") {
    const ShiftModel model = truth();
    const LogOptions fair{.people = 240, .history = 5, .events = 12};
    LogOptions pushed = fair, looped = fair;
    pushed.popularity_push = 1.0F;
    looped.shown = 15;
    constexpr int logs = 20;
    const auto free_choice = study(model, logs, fair), push = study(model, logs, pushed),
               loop = study(model, logs, looped);
    print("\nfree choice", model, free_choice);
    print("\npopularity pushed", model, push);
    print("\nfeedback loop: 15 of 60 items shown", model, loop);
    const auto bias = [](const std::map<Parameter, Row>& rows, Parameter p) {
      return std::abs(rows.at(p).sum / rows.at(p).count);
    };
    // The push is booked under the person's own liking of what is popular.
    CHECK(bias(push, Parameter::popularity) > 0.5);
    CHECK(bias(free_choice, Parameter::popularity) < 0.1);
    // Choosing among what fits the old taste looks like a taste that is stronger and moves less.
    CHECK(bias(loop, Parameter::start_scale) > 3.0 * bias(free_choice, Parameter::start_scale));
  }
}

}  // namespace
}  // namespace veer::shift

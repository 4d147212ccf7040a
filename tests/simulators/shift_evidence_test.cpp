#include "simulators/shift/shift_evidence.h"

#include <algorithm>
#include <string>

#include "env/error.h"
#include "simulators/shift/shift_log.h"
#include "tests/simulators/shift_world.h"
#include "tests/test.h"

namespace veer::shift {
namespace {

using testing::lively_model;
using testing::small_data;

/// People whose taste goes a good part of the way towards what they take, or stays where it is.
ShiftModel world(bool moves) {
  ShiftModel model = lively_model();
  Parameters& p = model.parameters;
  p.set_on(moves ? Mechanisms{Mechanism::calibration, Mechanism::average}
                 : Mechanisms{Mechanism::calibration});
  p.set_value(Parameter::start_scale, 0.8F);
  p.set_value(Parameter::popularity, 0.5F);
  p.set_value(Parameter::acceptance_rate, -0.8F);
  p.set_value(Parameter::acceptance_gain, 1.2F);
  return model;
}

EvidenceOptions options() {
  EvidenceOptions options;
  options.fit.mechanisms = {Mechanism::calibration, Mechanism::average};
  options.fit.at_item = 5;
  options.fit.events = 16;
  options.fit.max_epochs = 6;
  options.fit.batch_cases = 32;
  options.fit.recent_items = 4;
  options.after = {0, 1, 5, 15};
  return options;
}

Evidence evidence_of(bool moves) {
  const ShiftModel model = world(moves);
  const Dataset log = generate_log(model, small_data(), {.people = 900, .history = 5, .events = 16});
  return measure_evidence(log, model.base, options());
}

const EvidenceRow& row(const std::vector<EvidenceRow>& rows, const std::string& name) {
  const auto found =
      std::ranges::find_if(rows, [&](const EvidenceRow& r) { return r.model.starts_with(name); });
  REQUIRE_MESSAGE(found != rows.end(), name);
  return *found;
}

TEST_SUITE("shift evidence") {
  TEST_CASE("a taste that moves shows in the order of events") {
    const Evidence found = evidence_of(true);
    const EvidenceRow& full = row(found.rows, "full");
    CHECK(full.cells.back().beyond.low > 0.0);
    REQUIRE(found.order.size() == found.after.size() + 1);
    CHECK(found.order.back().low > 0.0);
    // Before the first event nothing has moved; what there is comes from a start that need not hedge.
    CHECK(found.order.front().mean < 0.5 * found.order[3].mean);
    // What others took moves the taste to where the person's is not.
    CHECK(row(found.others, "full").cells.back().nll.mean > full.cells.back().nll.mean);
    CHECK(row(found.others, "full").cells.front().nll.mean ==
          doctest::Approx(full.cells.front().nll.mean).epsilon(1e-6));
  }

  TEST_CASE("a taste that stands still gains nothing, in whatever order") {
    const Evidence found = evidence_of(false);
    CHECK(row(found.rows, "full").cells.back().beyond.mean < 0.01);
    CHECK(found.order.back().low <= 0.0);
    CHECK(found.order.back().high >= 0.0);
    CHECK(found.order.back().high < 0.02);
  }

  TEST_CASE("one definition of likelihood for all models") {
    const ShiftModel model = world(true);
    const Dataset log = generate_log(model, small_data(), {.people = 120, .history = 5, .events = 16});
    EvidenceOptions how = options();
    how.fit.max_epochs = 1;
    how.encoders.emplace_back("the same", model.base);
    const Evidence found = measure_evidence(log, model.base, how);
    // At the cut, the static taste is the read-out of the base network.
    const EvidenceRow& still = row(found.rows, "static taste");
    const EvidenceRow& base = row(found.rows, "sasrec (base)");
    CHECK(still.cells.front().nll.mean == doctest::Approx(base.cells.front().nll.mean).epsilon(1e-5));
    CHECK(still.cells.front().mrr == doctest::Approx(base.cells.front().mrr));
    const EvidenceRow& again = row(found.rows, "the same");
    for (std::size_t i = 0; i < base.cells.size(); ++i) {
      CHECK(again.cells[i].nll.mean == base.cells[i].nll.mean);
    }
    // Events of a window: one per place, and all of them together.
    std::int64_t at_places = 0;
    for (std::size_t i = 0; i + 1 < still.cells.size(); ++i) at_places += still.cells[i].nll.events;
    CHECK(at_places == 4 * found.windows);
    CHECK(still.cells.back().nll.events == 16 * found.windows);
    CHECK(still.cells.back().gain.mean == 0.0);
  }

  TEST_CASE("evidence needs people nobody learned from") {
    const ShiftModel model = world(true);
    Dataset log = generate_log(model, small_data(), {.people = 60, .history = 5, .events = 16});
    EvidenceOptions how = options();
    how.fit.people = FitPeople::everyone;
    CHECK_THROWS_WITH_AS(measure_evidence(log, model.base, how), doctest::Contains("leave-one-out"),
                         ConfigError);
    for (Part& part : log.parts) part = part == Part::test ? Part::train_judge : part;
    how.fit.people = FitPeople::train_plan;
    CHECK_THROWS_WITH_AS(measure_evidence(log, model.base, how), doctest::Contains("test"), ConfigError);
  }
}

}  // namespace
}  // namespace veer::shift

#include "simulators/shift/shift_fit.h"

#include <tbb/task_arena.h>
#include <torch/torch.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <numeric>

#include "env/error.h"
#include "env/runtime.h"
#include "simulators/shift/shift_acceptance.h"
#include "simulators/shift/shift_log.h"
#include "tests/simulators/shift_world.h"
#include "tests/test.h"

namespace veer::shift {
namespace {

using testing::lively_model;
using testing::small_data;

ShiftFitOptions quick_fit() {
  ShiftFitOptions options;
  options.max_epochs = 2;
  options.events = 8;
  options.cuts_per_person = 2;
  options.batch_cases = 12;
  options.refused_rating = 1.0F;
  return options;
}

std::string message_of(const Dataset& data, const nn::SequenceModel& base, const ShiftFitOptions& options) {
  try {
    fit_shift_user(data, base, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

/// Truth of a world in which all that one log can show happens.
ShiftModel truth() {
  ShiftModel model = lively_model();
  Parameters& p = model.parameters;
  // No learned target map: a plain average, so that each rate is one number.
  p.set_on({Mechanism::calibration, Mechanism::exposure, Mechanism::average, Mechanism::forgetting,
            Mechanism::boredom});
  p.set_value(Parameter::start_scale, 0.8F);
  p.set_value(Parameter::popularity, 0.5F);
  p.set_value(Parameter::exposure, 0.6F);
  p.set_value(Parameter::acceptance_rate, -1.4F);
  p.set_value(Parameter::acceptance_gain, 0.9F);
  p.set_value(Parameter::forgetting, 0.12F);
  p.set_value(Parameter::boredom_weight, 2.0F);
  p.set_value(Parameter::boredom_growth, 0.4F);
  p.set_value(Parameter::boredom_recovery, 0.15F);
  return model;
}

TEST_SUITE("shift fit") {
  TEST_CASE("a fit finds the rates that made the log") {
    const ShiftModel model = truth();
    const Dataset log = generate_log(model, small_data(), {.people = 1500, .history = 5, .events = 16});
    ShiftFitOptions options;
    options.mechanisms = model.parameters.on();
    options.max_epochs = 60;
    options.patience = 6;
    options.rate_step = 0.05F;
    options.recent_items = model.recent_items;
    options.events = 16;
    options.batch_cases = 64;
    options.at_item = 5;
    const ShiftFitResult result = fit_shift_user(log, model.base, options);
    CHECK(result.rungs.size() == 5);
    for (const RungRecord& rung : result.rungs) {
      CAPTURE(static_cast<int>(rung.mechanism));
      CHECK(rung.kept);
      CHECK(rung.low > 0.0);
      CHECK(rung.low <= rung.gain);
      CHECK(rung.gain <= rung.high);
    }
    const Parameters& fitted = result.model.parameters;
    const auto close = [&](Parameter p, double tolerance) {
      CAPTURE(info(p).name);
      // Rates in the units of the truth: the fit has units of its own.
      double found = fitted.value(p), wanted = model.parameters.value(p);
      if (p == Parameter::acceptance_gain) {
        found *= fitted.units().taste / fitted.units().item;
        wanted *= model.parameters.units().taste / model.parameters.units().item;
      }
      CHECK(std::abs(found - wanted) <= tolerance);
    };
    close(Parameter::start_scale, 0.04);
    close(Parameter::exposure, 0.15);
    close(Parameter::acceptance_rate, 0.25);
    close(Parameter::forgetting, 0.05);
    close(Parameter::boredom_weight, 0.5);
    close(Parameter::boredom_recovery, 0.08);
  }

  TEST_CASE("a log of people who stand still supports no movement") {
    ShiftModel model = truth();
    model.parameters.set_on({Mechanism::calibration});
    const Dataset log = generate_log(model, small_data(), {.people = 400, .history = 5, .events = 12});
    ShiftFitOptions options;
    options.mechanisms = {Mechanism::calibration, Mechanism::drift, Mechanism::average, Mechanism::boredom};
    options.max_epochs = 3;
    options.at_item = 5;
    const ShiftFitResult result = fit_shift_user(log, model.base, options);
    CHECK(result.rungs[0].kept);
    CHECK(result.model.parameters.on() == Mechanisms{Mechanism::calibration});
    std::size_t off = 0;
    for (const std::string& note : result.notes)
      off += has(note, "stays off: the log does not support it") ? 1 : 0;
    CHECK(off == 3);
  }

  TEST_CASE("same bits for one, two and three threads, and for a fit that was interrupted") {
    const Dataset data = small_data();
    const nn::SequenceModel base = nn::small_model("sasrec", testing::catalogue_items);
    const auto run = [&](int threads, const ShiftFitOptions& options) {
      std::vector<float> free;
      tbb::task_arena arena(threads);
      arena.execute([&] {
        const ShiftFitResult r = fit_shift_user(data, base, options);
        free.assign(r.model.parameters.free().begin(), r.model.parameters.free().end());
        free.push_back(r.model.acceptance_slope);
        for (const RungRecord& rung : r.rungs) {
          free.insert(free.end(), rung.free.begin(), rung.free.end());
          free.push_back(static_cast<float>(rung.gain));
        }
      });
      return free;
    };
    ShiftFitOptions options = quick_fit();
    options.keep_all = true;
    const auto expected = run(1, options);
    CHECK(run(2, options) == expected);
    CHECK(run(3, options) == expected);

    options.checkpoint =
        std::filesystem::temp_directory_path() / ("veer-" + std::to_string(::getpid()) + "-shift.checkpoint");
    int updates = 0;
    options.progress = [&](const ShiftProgress&) {
      // Every seventh update the fit is interrupted and called again.
      if (++updates % 7 == 0) request_interrupt();
    };
    std::vector<float> found;
    int interruptions = 0;
    while (found.empty()) {
      try {
        found = run(2, options);
      } catch (const Interrupted&) {
        clear_interrupt();
        ++interruptions;
      }
    }
    CHECK(interruptions > 5);
    CHECK(found == expected);

    ShiftFitOptions other = options;
    other.progress = {};
    other.seed = 2;
    CHECK(has(message_of(data, base, other), "a checkpoint of another training"));
    std::filesystem::remove(options.checkpoint);
  }

  TEST_CASE("a fit on drawn people: other rates over the same items, and a finished one stays as it is") {
    const Dataset data = small_data();
    const nn::SequenceModel base = nn::small_model("sasrec", testing::catalogue_items);
    ShiftFitOptions options = quick_fit();
    options.keep_all = true;
    const ShiftFitResult all = fit_shift_user(data, base, options);
    options.resample = true;
    options.checkpoint =
        std::filesystem::temp_directory_path() / ("veer-" + std::to_string(::getpid()) + "-drawn.checkpoint");
    const ShiftFitResult drawn = fit_shift_user(data, base, options);
    CHECK(!std::ranges::equal(drawn.model.parameters.free(), all.model.parameters.free()));
    CHECK(drawn.model.facts == all.model.facts);
    CHECK(drawn.people == all.people);  // they are drawn from
    CHECK(drawn.people_left_out == all.people_left_out);
    int updates = 0;
    options.progress = [&](const ShiftProgress&) { ++updates; };
    const ShiftFitResult again = fit_shift_user(data, base, options);
    CHECK(updates == 0);
    CHECK(std::ranges::equal(again.model.parameters.free(), drawn.model.parameters.free()));
    ShiftFitOptions other = options;
    other.resample = false;
    CHECK(has(message_of(data, base, other), "a checkpoint of another training"));
    std::filesystem::remove(options.checkpoint);

    options.budget_seconds = 1e-9;
    const ShiftFitResult hurried = fit_shift_user(data, base, options);
    CHECK(hurried.end == FitEnd::budget);
    CHECK(updates == 1);
    const ShiftFitResult hurried_again = fit_shift_user(data, base, options);
    CHECK(updates == 1);
    CHECK(std::ranges::equal(hurried_again.model.parameters.free(), hurried.model.parameters.free()));
    std::filesystem::remove(options.checkpoint);
  }

  TEST_CASE("logs that cannot be fitted are refused in words; what a log lacks is named") {
    const nn::SequenceModel base = nn::small_model("sasrec", testing::catalogue_items);
    Dataset single = small_data(20, 1);
    for (UserId u = 0; u < 20; ++u) single.interactions.offsets[static_cast<std::size_t>(u) + 1] = u + 1;
    single.interactions.items.resize(20, 3);
    CHECK(has(message_of(single, base, quick_fit()), "with an event after a cut"));

    Dataset one = small_data(20, 5);
    one.catalogue.ids.resize(2);
    CHECK(has(message_of(one, base, quick_fit()), "a choice among one item"));
    CHECK(has(message_of(small_data(), nn::small_model("sasrec", 90), quick_fit()), "a network of 90 items"));

    Dataset plain = small_data();
    plain.interactions.times.clear();
    ShiftFitOptions days = quick_fit();
    days.time = TimeUnit::days;
    CHECK(has(message_of(plain, base, days), "only the order of events"));
    plain.interactions.ratings.clear();
    CHECK(has(message_of(plain, base, quick_fit()), "a log without ratings"));

    plain.catalogue.attribute_names.clear();
    plain.catalogue.attributes.clear();
    plain.catalogue.attribute_offsets.assign(plain.catalogue.attribute_offsets.size(), 0);
    ShiftFitOptions options = quick_fit();
    options.refused_rating = 0.0F;
    options.max_epochs = 1;
    const ShiftFitResult result = fit_shift_user(plain, base, options);
    bool boredom = false, reactance = false;
    for (const std::string& note : result.notes) {
      boredom = boredom || has(note, "boredom stays off: the items of this log have no attributes");
      reactance = reactance || has(note, "reactance stays off: the log has no refusals");
    }
    CHECK(boredom);
    CHECK(reactance);
  }

  TEST_CASE("a fit that explodes stops with the epoch, the parameter and what to do") {
    const Dataset data = small_data();
    const nn::SequenceModel base = nn::small_model("sasrec", testing::catalogue_items);
    ShiftFitOptions options = quick_fit();
    options.rate_step = 1000.0F;
    const std::string text = message_of(data, base, options);
    CAPTURE(text);
    CHECK(has(text, "in epoch 1 of "));
    CHECK((has(text, "start.scale") || has(text, "drift.deviation")));  // whichever is the first out of range
    CHECK(has(text, "at most 100"));
    CHECK(has(text, "smaller steps"));
  }

  TEST_CASE("the everybody fit is judged by events it did not learn from") {
    ShiftFitOptions options = quick_fit();
    options.people = FitPeople::everyone;
    options.max_epochs = 1;
    const Dataset data = small_data();
    const ShiftFitResult result =
        fit_shift_user(data, nn::small_model("sasrec", testing::catalogue_items), options);
    CHECK(result.people == 40);
    CHECK(std::isfinite(result.static_nll));
  }

  TEST_CASE("controls change what moves taste and nothing else") {
    const Dataset data = small_data();
    const nn::SequenceModel base = nn::small_model("sasrec", testing::catalogue_items);
    std::vector<UserId> people(40);
    std::iota(people.begin(), people.end(), 0);
    const Cases cases = make_cases(data, base, held_out_cuts(data.interactions, people, 1, 6), {});
    const Cases shuffled = with_shuffled_events(cases, data, {}, 3);
    const Cases others = with_events_of_others(cases, 3);
    CHECK(shuffled.readouts == cases.readouts);
    CHECK(others.targets == cases.targets);
    CHECK(others.shown != cases.shown);
    CHECK(shuffled.shown == shuffled.targets);
    CHECK(shuffled.targets != cases.targets);
    for (std::size_t c = 0; c < cases.size(); ++c) {
      const auto first = cases.offsets[c], last = cases.offsets[c + 1];
      std::vector<ItemId> a(cases.targets.begin() + first, cases.targets.begin() + last);
      std::vector<ItemId> b(shuffled.targets.begin() + first, shuffled.targets.begin() + last);
      std::ranges::sort(a);
      std::ranges::sort(b);
      CHECK(a == b);  // the window is all that was left of the log
    }
  }

  TEST_CASE("the interval of a mean is clustered by person") {
    Cases cases;
    cases.cuts = {{0, 1, 2, 0}, {0, 3, 1, 0}, {5, 1, 1, 0}};
    cases.offsets = {0, 2, 3, 4};
    const float none = std::nanf("");
    const std::vector<float> difference{1.0F, none, 3.0F, 5.0F};
    const ClusteredMean m = clustered_mean(cases, difference);
    CHECK(m.people == 2);
    CHECK(m.events == 3);
    CHECK(m.mean == doctest::Approx(3.0));
    // Residual sums by person: (1 + 3) - 2 * 3 = -2 and 5 - 3 = 2; error sqrt(8 * 2 / 1) / 3.
    CHECK(m.high - m.mean == doctest::Approx(1.959964 * 4.0 / 3.0));
    CHECK(m.mean - m.low == doctest::Approx(1.959964 * 4.0 / 3.0));
  }

  TEST_CASE("held-out cuts leave a history and do not overlap") {
    const Dataset data = small_data(9, 32);
    const std::vector<UserId> people{0, 1, 2};
    for (const Cut& cut : held_out_cuts(data.interactions, people, 3, 8)) {
      CHECK(cut.at >= 5);
      CHECK(cut.at + cut.events <= static_cast<std::int32_t>(data.interactions.of(cut.user).size()));
    }
    const auto cuts = held_out_cuts(data.interactions, people, 3, 8);
    CHECK(cuts.size() == 9);
    CHECK(cuts[0].at == 24);
    CHECK(cuts[1].at == 16);
    CHECK(cuts[2].at == 8);
  }
}

}  // namespace
}  // namespace veer::shift

// The split of a step of shift_user, against the mathematics of shift_dynamics.h by hand and against
// advance().
#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "simulators/explanation.h"
#include "simulators/long_run/roll.h"
#include "simulators/shift/shift_user.h"
#include "tests/simulators/one_path.h"
#include "tests/simulators/shift_world.h"
#include "tests/test.h"

namespace veer::shift {
namespace {

using test::OnePath;
using test::trajectories_of;
using testing::lively_model;

/// Six steps with refusals; more than the four items that count as lately.
OnePath some_path() {
  return {.target = 33,
          .history = {4, 9, 33, 18},
          .items = {12, 33, 12, 20, 41, 7},
          .answers = {1, 0, 1, 0, 1, 1}};
}

/// ln p(target) in double, straight from the page.
double interest(const ShiftUser& users, const std::vector<double>& z, const std::vector<double>& b,
                const std::vector<ItemId>& lately, ItemId target) {
  const Rates rates = users.model().parameters.rates();
  const ItemFacts& facts = users.model().facts;
  std::vector<double> scores;
  for (ItemId i = 1; i <= users.items().items(); ++i) {
    double s = double{rates.popularity} * double{facts.log_popularity[static_cast<std::size_t>(i)]};
    for (std::size_t c = 0; c < z.size(); ++c) s += z[c] * double{users.items().row(i)[c]};
    s -= double{rates.exposure} * static_cast<double>(std::ranges::count(lately, i));
    const auto own = facts.attributes_of(i);
    for (const auto a : own)
      s -= double{rates.boredom_weight} * b[static_cast<std::size_t>(a)] / static_cast<double>(own.size());
    scores.push_back(s);
  }
  double sum = 0.0;
  const double top = std::ranges::max(scores);
  for (const double s : scores) sum += std::exp(s - top);
  return scores[static_cast<std::size_t>(target) - 1] - top - std::log(sum);
}

TEST_SUITE("shift explain") {
  TEST_CASE("each part by hand, mechanism by mechanism") {
    ShiftModel model = lively_model();
    model.parameters.set_on(Mechanisms::all().without(Mechanism::acceptance));
    const ShiftUser users(model);
    const OnePath path = some_path();
    const PathExplanation found = explain_path(users, trajectories_of(path), 0);
    CHECK(found.mechanisms == std::vector<std::string>{"average", "reactance", "boredom", "exposure",
                                                       "forgetting", "recovery", "drift"});
    const Rates rates = model.parameters.rates();
    const std::vector<float> targets = users.items().targets(model.parameters);
    std::vector<float> start(static_cast<std::size_t>(users.layout().size()));
    users.start_from(path.history, start);
    std::vector<double> z(start.begin(), start.begin() + 32), b(5, 0.0);
    const std::vector<double> long_term = z;
    std::vector<ItemId> lately;
    double before = interest(users, z, b, lately, path.target);
    CHECK(double{found.start_interest} == doctest::Approx(before).epsilon(1e-5));
    double largest = 0.0;
    for (std::size_t k = 0; k < path.items.size(); ++k) {
      CAPTURE(k);
      std::size_t mechanism = 0;
      const auto part = [&] {
        const double now = interest(users, z, b, lately, path.target);
        CAPTURE(found.mechanisms[mechanism]);
        CHECK(std::abs(found.part(k, mechanism) - (now - before)) < 1e-4);
        largest = std::max(largest, std::abs(now - before));
        before = now;
        ++mechanism;
      };
      const ItemId item = path.items[k];
      const float* v = users.items().row(item);
      if (path.answers[k] != 0) {
        const double r = 1.0 / (1.0 + std::exp(-double{rates.acceptance_rate}));
        const float* goal = targets.data() + static_cast<std::size_t>(item) * 32;
        for (std::size_t c = 0; c < 32; ++c) z[c] += r * (double{goal[c]} - z[c]);
      }
      part();
      if (path.answers[k] == 0) {
        double liking = 0.0, square = 0.0;
        for (std::size_t c = 0; c < 32; ++c) {
          liking += z[c] * double{v[c]};
          square += double{v[c]} * double{v[c]};
        }
        for (std::size_t c = 0; c < 32; ++c)
          z[c] -= double{rates.reactance} * std::max(0.0, liking) / square * double{v[c]};
      }
      part();
      for (const auto a : model.facts.attributes_of(item)) {
        double& own = b[static_cast<std::size_t>(a)];
        own += double{rates.boredom_growth} * (1.0 - own);
      }
      part();
      lately.push_back(item);
      if (lately.size() > 4) lately.erase(lately.begin());
      part();
      const double forgotten = 1.0 - std::exp(-double{rates.forgetting});
      for (std::size_t c = 0; c < 32; ++c) z[c] += forgotten * (long_term[c] - z[c]);
      part();
      for (double& own : b) own *= std::exp(-double{rates.boredom_recovery});
      part();
      const StepKey key{path.seed, path.episode, static_cast<std::uint32_t>(k)};
      for (std::size_t c = 0; c < 32; ++c) {
        z[c] += double{rates.drift} / double{users.items().spread()} *
                double{normal(key, Stream::drift, static_cast<std::uint32_t>(c))};
      }
      part();
      CHECK(std::abs(double{found.interest[k]} - before) < 1e-4);
    }
    CHECK(largest > 0.1);  // far above what rounding could hide
  }

  TEST_CASE("parts sum to the change exactly, and the path is the judged one") {
    for (const char* kind : {"sasrec", "gru4rec"}) {
      CAPTURE(kind);
      const ShiftUser users(lively_model(kind));
      Trajectories path = trajectories_of(some_path());
      const PathExplanation found = explain_path(users, path, 0);
      CHECK(found.mechanisms.front() == "acceptance");
      judge_paths(users, "own", path);
      CHECK(found.start_interest == doctest::Approx(path.judges[0].start_interest[0]).epsilon(1e-5));
      for (std::size_t k = 0; k < path.items.size(); ++k) {
        double sum = 0.0;
        for (std::size_t m = 0; m < found.mechanisms.size(); ++m) sum += found.part(k, m);
        CHECK(sum == doctest::Approx(found.change(k)).epsilon(1e-5));
        if (tests::places_alike) CHECK(sum == found.change(k));
        CHECK(found.interest[k] == doctest::Approx(path.judges[0].interest[k]).epsilon(1e-5));
        const bool accepted = path.feedback[k] != 0;
        CHECK((found.part(k, 0) == 0.0) == !accepted);
        if (accepted) CHECK(found.part(k, 1) == 0.0);  // a refusal of what is disliked has no part either
      }
    }
  }

  TEST_CASE("a step that is told ends in the very bits of advance()") {
    const std::vector<std::string> names = {"shift_scale",     "forgetting_scale", "boredom_scale",
                                            "reactance_scale", "recovery_scale",   "drift_scale"};
    const auto users = ShiftUser(lively_model()).with_modifiers(names);
    Batch batch({.rows = 32,
                 .shard_rows = 32,
                 .history_capacity = 30,
                 .user_state = users->spec().state_width,
                 .modifiers = 6},
                5);
    Shard shard = batch.shard(0);
    const std::vector<std::int32_t> told{0}, plain{1}, both{0, 1};
    const auto workspace = users->make_workspace({.rows = 32, .history_capacity = 30});
    const ItemId history[] = {4, 9, 33};
    for (const std::int32_t row : both) {
      std::copy_n(history, 3, shard.history.row(row).begin());
      shard.history_size(row) = 3;
      shard.episode(row) = 6;
    }
    users->begin(both, shard, *workspace);
    for (std::uint32_t k = 0; k < 24; ++k) {
      CAPTURE(k);
      for (const std::int32_t row : both) {
        shard.step(row) = k;
        shard.items(row) = k % 7 == 6 ? no_item : static_cast<ItemId>(1 + k * 11 % 60);
        shard.feedback(row) = k % 3 != 1 ? feedback::accepted : feedback::refused;
        for (std::int32_t m = 0; m < 6; ++m)
          shard.modifiers(row, m) = 0.5F * static_cast<float>((k + static_cast<std::uint32_t>(m)) % 4);
      }
      std::vector<std::size_t> order;
      std::vector<float> last;
      users->advance_told(0, shard, [&](std::size_t mechanism) {
        order.push_back(mechanism);
        last.assign(shard.user_state.row(0).begin(), shard.user_state.row(0).end());
      });
      users->advance(plain, shard, *workspace);
      CHECK(std::ranges::equal(shard.user_state.row(0), shard.user_state.row(1)));
      CHECK(std::ranges::is_sorted(order));
      CHECK(std::ranges::adjacent_find(order) == order.end());
      if (k % 7 == 6) {
        CHECK(order.empty());
      } else {
        CHECK(order.size() == 6);  // acceptance or reactance, and the other five
        CHECK(std::ranges::equal(last, shard.user_state.row(0)));  // nothing happens that is not told
      }
    }
  }

  TEST_CASE("a mechanism whose knob is at 0 has no part; one that is off has no name") {
    const std::vector<std::string> names(ShiftUser::modifier_names.begin(), ShiftUser::modifier_names.end());
    const auto users = ShiftUser(lively_model()).with_modifiers(names);
    // Of the knobs, in the order of modifier_names: the place among the mechanisms.
    const std::vector<std::size_t> place{0, 4, 2, 5, 1, 6};
    OnePath path = some_path();
    path.knobs.assign(path.items.size(), std::vector<float>(6, 1.0F));
    const auto silent = [&](const PathExplanation& found, std::size_t mechanism) {
      for (std::size_t k = 0; k < path.items.size(); ++k)
        if (found.part(k, mechanism) != 0.0) return false;
      return true;
    };
    const PathExplanation all = explain_path(*users, trajectories_of(path), 0);
    for (std::size_t m = 0; m < 7; ++m) CHECK_FALSE(silent(all, m));
    for (std::size_t knob = 0; knob < place.size(); ++knob) {
      CAPTURE(names[knob]);
      OnePath still = path;
      for (auto& step : still.knobs) step[knob] = 0.0F;
      const PathExplanation found = explain_path(*users, trajectories_of(still), 0);
      CHECK(silent(found, place[knob]));
      for (std::size_t m = 0; m < 7; ++m) {
        // Without growing boredom there is none to recover from.
        if (m != place[knob] && !(m == 5 && place[knob] == 2)) CHECK_FALSE(silent(found, m));
      }
    }
    ShiftModel model = lively_model();
    for (const auto& [on, expected] : std::vector<std::pair<Mechanisms, std::vector<std::string>>>{
             {{}, {}},
             {{Mechanism::calibration}, {}},
             {{Mechanism::calibration, Mechanism::average}, {"average"}},
             {{Mechanism::boredom}, {"boredom", "recovery"}},
             {{Mechanism::drift, Mechanism::acceptance}, {"acceptance", "drift"}}}) {
      model.parameters.set_on(on);
      const PathExplanation found = explain_path(ShiftUser(model), trajectories_of(some_path()), 0);
      CHECK(found.mechanisms == expected);
      CHECK((found.interest.back() == found.start_interest) == expected.empty());
    }
  }

  TEST_CASE("without guidance the same random drift meets the same person") {
    ShiftModel model = lively_model();
    model.parameters.set_on({Mechanism::calibration, Mechanism::drift});
    const ShiftUser drifting(model);
    Trajectories guided = trajectories_of(some_path());
    judge_paths(drifting, "own", guided);
    const Trajectories alone = without_guidance(drifting, guided, 0, long_run::never_again);
    CHECK(alone.items != guided.items);
    CHECK(alone.judges[0].interest == guided.judges[0].interest);  // chance alone moves both
    CHECK(alone.judges[0].rank == guided.judges[0].rank);
    CHECK(alone.judges[0].interest.back() != alone.judges[0].start_interest[0]);
    const ShiftUser lively(lively_model());
    CHECK(without_guidance(lively, guided, 0, 0).judges[0].interest.back() !=
          guided.judges[0].interest.back());
  }
}

}  // namespace
}  // namespace veer::shift

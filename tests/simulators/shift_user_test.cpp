#include "simulators/shift/shift_user.h"

#include <torch/torch.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "env/error.h"
#include "simulators/shift/shift_dynamics.h"
#include "simulators/shift/shift_gradient.h"
#include "tests/conformance/conformance.h"
#include "tests/simulators/shift_reference.h"
#include "tests/simulators/shift_world.h"
#include "tests/test.h"

namespace veer::shift {
namespace {

using testing::lively_model;
using testing::small_data;

/// Cuts at every length, with refusals and stamps, some of their events only followed.
Cases mixed_cases(const Dataset& data, const nn::SequenceModel& base) {
  std::vector<Cut> cuts;
  for (UserId user = 0; user < 12; ++user) {
    const auto size = static_cast<std::int32_t>(data.interactions.of(user).size());
    const std::int32_t at = 1 + user % 6;
    cuts.push_back({user, at, size - at, user % 4 == 0 ? 2 : 0});
  }
  return make_cases(data, base, cuts, {TimeUnit::days, 2.0F, 2.0F});
}

std::vector<std::int32_t> all_of(const Cases& cases) {
  std::vector<std::int32_t> which;
  for (std::size_t c = 0; c < cases.size(); ++c) which.push_back(static_cast<std::int32_t>(c));
  return which;
}

struct World {
  Dataset data = small_data();
  ShiftModel model = lively_model("sasrec", data);
  std::shared_ptr<const Items> items =
      std::make_shared<const Items>(model.facts, item_vectors(model.base), model.base.config().hidden);
  Cases cases = mixed_cases(data, model.base);
  Likelihood likelihood{items, model.recent_items};
  std::vector<std::int32_t> which = all_of(cases);
};

const std::vector<Mechanisms> sets = {
    {},
    {Mechanism::calibration, Mechanism::average},
    {Mechanism::drift, Mechanism::forgetting, Mechanism::average},
    {Mechanism::boredom, Mechanism::reactance},
    Mechanisms::all(),
};

TEST_SUITE("shift user") {
  TEST_CASE("a taste read from a history starts the same person; days pass where the model counts days") {
    ShiftModel model = lively_model();
    const ShiftUser stepping(model);
    model.time = TimeUnit::days;
    model.days_per_step = 2.0F;
    const ShiftUser users(model);
    const std::vector<ItemId> history{3, 9, 27};
    std::vector<float> taste(static_cast<std::size_t>(users.taste_width()));
    std::vector<float> begun(static_cast<std::size_t>(users.layout().size())), started(begun.size(), 7.0F);
    users.taste_of(0, history, taste);
    users.start_from(history, begun);
    users.start_with(taste, started);
    CHECK(started == begun);
    std::vector<float> scores(60);
    users.score_next(started, scores);
    for (ItemId item = 1; item <= 60; ++item) {
      CHECK(scores[static_cast<std::size_t>(item) - 1] == users.score(begun, item));
    }
    const auto same = [&](const ShiftUser& who, float days, float steps) {
      std::vector<float> a = begun, b = begun;
      who.take(a, 5, days, {1, 2, 3});
      who.follow(b, 5, true, steps, {1, 2, 3});
      return a == b;
    };
    CHECK(same(users, 3.0F, 1.5F));
    CHECK_FALSE(same(users, 3.0F, 1.0F));
    CHECK(same(users, 0.0F, 1.0F));
    CHECK(same(stepping, 3.0F, 1.0F));
  }

  TEST_CASE("people of either base network conform") {
    for (const char* kind : {"sasrec", "gru4rec"}) {
      CAPTURE(kind);
      ShiftModel model = lively_model(kind);
      const ShiftUser users(model);
      CHECK(users.spec().kind == "shift_user");
      conformance::check_user_model(users, {.tolerance = 1e-4, .deterministic_state = false});
      model.parameters.set_on(Mechanisms::all().without(Mechanism::drift));
      conformance::check_user_model(ShiftUser(model), {.tolerance = 1e-4});
    }
  }

  TEST_CASE("with everything off, people stay as the history left them") {
    ShiftModel model = lively_model();
    model.parameters.set_on({});
    const ShiftUser users(model);
    conformance::check_user_model(users, {.tolerance = 1e-4});
    std::vector<float> readout(32), state(static_cast<std::size_t>(users.layout().size()));
    for (std::size_t i = 0; i < readout.size(); ++i) readout[i] = std::sin(static_cast<float>(i));
    users.start(readout, state);
    const float before = users.score(state, 5);
    for (const ItemId item : {5, 5, 17}) users.follow(state, item, item != 17, 1.0F);
    CHECK(users.score(state, 5) == before);
  }

  TEST_CASE("the likelihood is that of a straightforward double implementation") {
    World w;
    for (const Mechanisms on : sets) {
      CAPTURE(on.text());
      w.model.parameters.set_on(on);
      const testing::Reference reference(w.model.parameters, *w.items, w.model.recent_items);
      const testing::Numbers free(w.model.parameters.free().begin(), w.model.parameters.free().end());
      const EventScores scores = w.likelihood.score(w.model.parameters, w.cases);
      double total = 0.0;
      for (std::size_t c = 0; c < w.cases.size(); ++c) {
        std::vector<double> each;
        total += reference.nll(free, w.cases, c, &each);
        std::size_t next = 0;
        for (std::int64_t i = w.cases.offsets[c]; i < w.cases.offsets[c + 1]; ++i) {
          const auto e = static_cast<std::size_t>(i);
          CHECK(std::isnan(scores.nll[e]) == (w.cases.scored[e] == 0));
          if (w.cases.scored[e] == 0) continue;
          CHECK(scores.nll[e] == doctest::Approx(each[next++]).epsilon(2e-5));
          CHECK(scores.rank[e] >= 1);
          CHECK(scores.rank[e] <= w.items->items());
        }
      }
      const double sum = w.likelihood.add(w.model.parameters, w.cases, w.which, 1.0F, {});
      CHECK(sum == doctest::Approx(total).epsilon(1e-5));
    }
  }

  TEST_CASE("gradients are those of double-precision finite differences") {
    World w;
    for (const Mechanisms on : sets) {
      CAPTURE(on.text());
      Parameters& parameters = w.model.parameters;
      parameters.set_on(on);
      std::vector<float> gradient(parameters.size(), 0.0F);
      w.likelihood.add(parameters, w.cases, w.which, 1.0F, gradient);
      parameters.chain(gradient);
      const testing::Reference reference(parameters, *w.items, w.model.recent_items);
      testing::Numbers free(parameters.free().begin(), parameters.free().end());
      const auto total = [&] {
        double sum = 0.0;
        for (std::size_t c = 0; c < w.cases.size(); ++c) sum += reference.nll(free, w.cases, c);
        return sum;
      };
      for (std::size_t p = 0; p < parameter_count; ++p) {
        const auto parameter = static_cast<Parameter>(p);
        const std::size_t first = parameters.offset(parameter), size = parameters.size(parameter);
        // Every number where there are few; a spread of a matrix.
        for (std::size_t i = 0; i<size; i += size> 40 ? 101 : 1) {
          const std::size_t at = first + i;
          const double kept = free[at], step = 1e-5;
          free[at] = kept + step;
          const double above = total();
          free[at] = kept - step;
          const double below = total();
          free[at] = kept;
          const double expected = (above - below) / (2.0 * step);
          CAPTURE(info(parameter).name);
          CAPTURE(i);
          CHECK(std::abs(gradient[at] - expected) <= 2e-4 * std::abs(expected) + 2e-3);
          if (!parameters.learned(parameter)) CHECK(gradient[at] == 0.0F);
        }
      }
    }
  }

  TEST_CASE("stepping, scoring paths and the likelihood agree on where taste goes") {
    // Without drift and refusals, minus the interest in the next item is its negative log-likelihood.
    World w;
    w.model.parameters.set_on(Mechanisms::all().without(Mechanism::drift).without(Mechanism::reactance));
    const ShiftUser users(w.model);
    const Cases cases = make_cases(w.data, w.model.base, {{3, 4, 6, 0}}, {});
    const EventScores expected = w.likelihood.score(w.model.parameters, cases);
    const auto log = w.data.interactions.of(3);
    std::vector<ItemId> history(log.begin(), log.begin() + 4);
    for (std::size_t e = 0; e < 6; ++e) {
      const std::vector<std::int32_t> size{4}, prompt{0}, length{static_cast<std::int32_t>(e)};
      const std::vector<ItemId> target{log[4 + e]}, path(log.begin() + 4, log.begin() + 10);
      const std::vector<UserId> user{3};
      std::vector<float> acceptance(6), interest(6), start(1);
      std::vector<std::int32_t> rank(6), start_rank(1);
      PathQuery query;
      query.history = {history.data(), 1, 4};
      query.history_size = size;
      query.user = user;
      query.target = target;
      query.prompt = prompt;
      query.items = {path.data(), 1, 6};
      query.length = length;
      const auto workspace = users.make_workspace({.rows = 1, .history_capacity = 10});
      users.score_paths(
          query, {{acceptance.data(), 1, 6}, {interest.data(), 1, 6}, {rank.data(), 1, 6}, start, start_rank},
          *workspace);
      const float found = e == 0 ? start[0] : interest[e - 1];
      CHECK(-found == doctest::Approx(expected.nll[e]).epsilon(1e-4));
      CHECK((e == 0 ? start_rank[0] : rank[e - 1]) == expected.rank[e]);
    }
  }

  TEST_CASE("refusals turn away without overshooting; boredom saturates and recovers") {
    const std::vector<float> item{1.0F, 2.0F, 0.0F};
    std::vector<float> taste{1.0F, 1.0F, 1.0F};
    CHECK(turn_away(taste, item.data(), 0.2F, 0.5F) == 3.0F);
    CHECK(taste[0] == doctest::Approx(0.7F));  // 1 - 0.5 * 3 * 1/5
    CHECK(taste[1] == doctest::Approx(0.4F));
    CHECK(taste[2] == 1.0F);
    turn_away(taste, item.data(), 0.2F, 1.0F);
    CHECK(taste[0] + 2.0F * taste[1] == doctest::Approx(0.0F));  // nothing is left to like along it
    const std::vector<float> before = taste = {-1.0F, 0.0F, 0.0F};
    turn_away(taste, item.data(), 0.2F, 1.0F);
    CHECK(taste == before);  // what is disliked already is left alone

    std::vector<float> boredom{0.0F, 0.0F};
    const std::vector<std::int32_t> first{0};
    for (int i = 0; i < 200; ++i) grow_boredom(boredom, first, 0.3F);
    CHECK(boredom[0] == doctest::Approx(1.0F));
    CHECK(boredom[0] <= 1.0F);
    CHECK(boredom[1] == 0.0F);
  }

  TEST_CASE("modifiers of a scenario scale each mechanism of a row by itself") {
    const ShiftModel model = lively_model();
    const std::vector<std::string> names = {"other",         "shift_scale",     "forgetting_scale",
                                            "boredom_scale", "reactance_scale", "recovery_scale",
                                            "drift_scale"};
    const auto users = ShiftUser(model).with_modifiers(names);
    const auto step = [&](const std::vector<float>& scales, bool accepted) {
      Batch batch({.rows = 1,
                   .shard_rows = 64,
                   .history_capacity = 8,
                   .user_state = users->spec().state_width,
                   .modifiers = 7},
                  5);
      Shard shard = batch.shard(0);
      std::copy(scales.begin(), scales.end(), shard.modifiers.row(0).begin());
      const ItemId history[] = {4, 9, 33};
      std::copy_n(history, 3, shard.history.row(0).begin());
      shard.history_size(0) = 3;
      const std::vector<std::int32_t> rows{0};
      const auto workspace = users->make_workspace({.rows = 64, .history_capacity = 8});
      users->begin(rows, shard, *workspace);
      shard.items(0) = 12;
      shard.feedback(0) = accepted ? 1 : 0;
      users->advance(rows, shard, *workspace);
      const auto state = shard.user_state.row(0);
      return std::vector<float>(state.begin(), state.end());
    };
    const std::vector<float> none{1, 0, 0, 0, 0, 0, 0};
    const auto still = step(none, true);
    CHECK(std::equal(still.begin(), still.begin() + 32, still.begin() + 32));  // z is L
    CHECK(still[64] + still[65] + still[66] + still[67] + still[68] == 0.0F);
    CHECK(step(none, false) == still);
    const auto differs = [&](std::vector<float> scales, bool accepted) {
      return step(scales, accepted) != still;
    };
    CHECK(differs({1, 1, 0, 0, 0, 0, 0}, true));
    CHECK(!differs({1, 1, 0, 0, 0, 0, 0}, false));
    CHECK(!differs({1, 0, 1, 0, 0, 0, 0}, true));  // nothing to forget yet
    CHECK(differs({1, 0, 0, 1, 0, 0, 0}, true));
    CHECK(differs({1, 0, 0, 0, 0, 0, 1}, true));
    CHECK(step({1, 1, 0, 0, 0, 0, 0}, true) != step({1, 1, 1, 0, 0, 0, 0}, true));
    CHECK(step({1, 0, 0, 1, 0, 0, 0}, true) != step({1, 0, 0, 1, 0, 1, 0}, true));
    CHECK(step({1, 1, 1, 1, 1, 1, 1}, true) == step({9, 1, 1, 1, 1, 1, 1}, true));
  }

  TEST_CASE("a million people fit in a gigabyte at width 64 with 18 attributes") {
    CHECK(StateLayout{64, 18, 20}.size() * sizeof(float) <= 900);
  }

  TEST_CASE("a model file comes back with the same numbers; damage and foreign kinds are refused") {
    const ShiftModel model = lively_model("gru4rec");
    ModelManifest manifest;
    manifest.dataset_fingerprint = std::string(64, 'a');
    manifest.fitted_on = "train_plan";
    const ModelFile file = shift_model_file(model, manifest);
    CHECK(file.manifest.kind == "shift_user");
    const ModelFile back = parse_model(model_bytes(file), "test");
    const ShiftModel read = shift_model_from(back);
    CHECK(std::ranges::equal(read.parameters.free(), model.parameters.free()));
    CHECK(read.parameters.on() == model.parameters.on());
    CHECK(read.facts.attribute_list == model.facts.attribute_list);
    CHECK(read.acceptance_slope == model.acceptance_slope);
    CHECK(read.recent_items == model.recent_items);
    CHECK((model_bytes(shift_model_file(read, manifest)) == model_bytes(file)));

    ModelFile other = file;
    other.manifest.kind = "sasrec";
    CHECK_THROWS_AS(shift_model_from(other), FormatError);
    other = file;
    other.manifest.hyper_parameters["mechanisms"] = "calibration,magic";
    CHECK_THROWS_AS(shift_model_from(other), FormatError);
    other = file;
    other.manifest.hyper_parameters["mechanisms"] = "calibration";
    CHECK_THROWS_AS(shift_model_from(other), VerificationError);
    other = file;
    other.manifest.hyper_parameters.erase("unit.taste");
    CHECK_THROWS_AS(shift_model_from(other), FormatError);
    other = file;
    std::vector<std::int32_t> list = model.facts.attribute_list;
    list[3] = 5;
    other.parameters.set<std::int32_t>("items/attributes", list);
    CHECK_THROWS_AS(shift_model_from(other), FormatError);
  }
}

}  // namespace
}  // namespace veer::shift

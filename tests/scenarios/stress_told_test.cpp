// What policies are told under stress: answers that come late, attributes of other items, other people's
// features; and where on a slate people look.
#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "env/error.h"
#include "scenarios/slate/slate_worlds.h"
#include "scenarios/stress/attribute_lies.h"
#include "scenarios/stress/delayed_policy.h"
#include "tests/conformance/conformance.h"
#include "tests/scenarios/stress_worlds.h"
#include "tests/test.h"

namespace veer::stress {
namespace {

using doctest::Approx;

/// What a policy was told at a step of an episode.
struct Told {
  std::vector<ItemId> history, last_items;
  std::vector<std::uint8_t> answers;
  std::vector<float> features;
  friend bool operator==(const Told&, const Told&) = default;
};

/// Shows step + 1, step + 2, ... whatever is answered, and writes down what it is told.
class Notebook final : public Policy {
 public:
  explicit Notebook(std::int32_t slots = 1) {
    spec_.name = "notebook";
    spec_.action = slots > 1 ? ActionKind::slate : ActionKind::item;
    spec_.width = slots;
  }
  const PolicySpec& spec() const noexcept override { return spec_; }
  void act(Rows rows, const Observation& seen, PolicyState&, Actions& actions, Mode) const override {
    const std::lock_guard lock(mutex_);
    for (const std::int32_t row : rows) {
      if (seen.active(row) != 0) {
        Told& told = pages[{seen.episode(row), seen.step(row)}];
        const auto copy = [](auto from, auto& to) { to.assign(from.begin(), from.end()); };
        copy(seen.history.row(row).first(at(seen.history_size(row))), told.history);
        copy(seen.last_items.row(row), told.last_items);
        copy(seen.last_feedback.row(row), told.answers);
        copy(seen.features.row(row), told.features);
      }
      for (std::int32_t slot = 0; slot < spec_.width; ++slot) {
        const ItemId kinds = spec_.width > 1 ? 50 : stock;
        actions.items(row, slot) = 1 + (static_cast<ItemId>(seen.step(row)) + slot) % kinds;
      }
      actions.log_prob(row) = 0.0F;
    }
  }
  mutable std::map<std::pair<EpisodeId, std::uint32_t>, Told> pages;

 private:
  mutable std::mutex mutex_;
  PolicySpec spec_;
};

/// Shows the item after the one it was told of last, and item 1 where it was told of none.
class Echo final : public Policy {
 public:
  Echo() { spec_.name = "echo"; }
  const PolicySpec& spec() const noexcept override { return spec_; }
  void act(Rows rows, const Observation& seen, PolicyState&, Actions& actions, Mode) const override {
    for (const std::int32_t row : rows) {
      actions.items(row, 0) = seen.step(row) == 0 ? 1 : seen.last_items(row) % stock + 1;
      actions.log_prob(row) = 0.0F;
    }
  }

 private:
  PolicySpec spec_;
};

/// Plans three items from the number of those taken so far as it is told, in one go.
class ThreeAhead final : public Policy {
 public:
  ThreeAhead() {
    spec_.name = "three";
    spec_.action = ActionKind::path;
    spec_.width = 3;
  }
  const PolicySpec& spec() const noexcept override { return spec_; }
  void act(Rows rows, const Observation& seen, PolicyState&, Actions& actions, Mode) const override {
    for (const std::int32_t row : rows) {
      actions.plan_size(row) = 3;
      for (std::int32_t i = 0; i < 3; ++i)
        actions.items(row, i) = 1 + (seen.history_size(row) - 4 + i) % stock;
      actions.log_prob(row) = -1.0F;
    }
  }

 private:
  PolicySpec spec_;
};

Perturbation delay_of(int steps, std::int32_t onset = 0, float share = 1.0F) {
  return stress_of(PerturbationKind::delayed_feedback, static_cast<float>(steps), {.onset = onset}, share);
}

std::shared_ptr<const Policy> late(std::shared_ptr<const Policy> policy, const Perturbation& delay,
                                   const Scenario& world) {
  return with_delays(std::move(policy), {delay}, world.spec());
}

/// The step at which answers of the day were what is told at step k; -1 beside it: no answer is told.
std::pair<std::uint32_t, bool> day_told(std::uint32_t k, std::uint32_t delay, std::uint32_t onset) {
  if (k < onset) return {k, true};
  const bool arrives = k >= onset + delay;
  const std::uint32_t known = onset == 0 ? 0 : onset - 1;
  return {arrives ? k - delay : known, arrives};
}

std::shared_ptr<const SlateScenario> slates(bool shows_profile = false, float examination = 0.0F) {
  static const SlateMaterial material = synthetic_slate_material(slate_world("rl4rs-session"), {}, 100);
  SlateParameters p = slate_parameters(slate_world("rl4rs-session"), material);
  p.history = 12;
  p.shows_profile = shows_profile;
  if (examination > 0.0F) {
    p.users = make_response_user(material.model, material.people, {.examination = examination});
  }
  return std::make_shared<const SlateScenario>(p);
}

std::shared_ptr<const Dataset> bare_data(std::int32_t items) {
  auto data = std::make_shared<Dataset>();
  data->catalogue.ids.assign(at(items) + 1, "i");
  data->catalogue.attribute_offsets.assign(at(items) + 2, 0);
  data->interactions.offsets = {0};
  return data;
}

TEST_CASE("the newest answer is told so many steps late, and nothing where it is not there yet") {
  const auto calm = calm_world(false);
  const auto shown = [&](const Perturbation& delay) {
    const Trajectories all = played(*calm, *late(std::make_shared<const Echo>(), delay, *calm), 3);
    return std::vector<ItemId>(all.items.begin(), all.items.begin() + 10);
  };
  // By hand: with two steps of delay step 3 is the first to hear of step 0.
  CHECK(shown(delay_of(2)) == std::vector<ItemId>{1, 1, 1, 2, 2, 2, 3, 3, 3, 4});
  // Before the onset at once; then nothing for two steps; then steps 3, 4, 5 and 6.
  CHECK(shown(delay_of(2, 4)) == std::vector<ItemId>{1, 2, 3, 4, 1, 1, 5, 2, 2, 6});
  CHECK(shown(delay_of(50)) == std::vector<ItemId>(10, 1));
}

TEST_CASE(
    "histories and answers are told as they stood, of items and slates, also where old items slide out") {
  const auto check = [](const Scenario& world, std::int32_t slots) {
    const auto truth = std::make_shared<const Notebook>(slots);
    const Trajectories calm = played(world, *truth, 60);
    for (const auto& [delay, onset] : {std::pair(1, 0), {3, 0}, {3, 4}}) {
      CAPTURE(delay);
      CAPTURE(onset);
      const auto told = std::make_shared<const Notebook>(slots);
      const Trajectories all = played(world, *late(told, delay_of(delay, onset, 0.5F), world), 60);
      // People answer as ever, and remember at once.
      CHECK(all.feedback == calm.feedback);
      CHECK(all.probability == calm.probability);
      CHECK(all.episode_return == calm.episode_return);
      std::int64_t late_steps = 0;
      for (const auto& [place, page] : told->pages) {
        const auto& [episode, step] = place;
        const bool hit = is_affected(delay_of(delay, onset, 0.5F), 0, {1, episode, 0});
        const auto [day, arrives] =
            hit ? day_told(step, static_cast<std::uint32_t>(delay), static_cast<std::uint32_t>(onset))
                : std::pair(step, true);
        Told expected = truth->pages.at({episode, day});
        // Steps before the first one have shown nothing, whatever stands in the columns.
        if (!arrives || (hit && day == 0)) {
          expected.last_items.assign(at(slots), no_item);
          expected.answers.assign(at(slots), feedback::refused);
        }
        if (step == 0) continue;
        CHECK(page == expected);
        late_steps += hit && page.history != truth->pages.at({episode, step}).history ? 1 : 0;
      }
      CHECK(late_steps > 5);
    }
  };
  check(*calm_world(false), 1);
  check(*slates(), 9);  // twelve items of history, up to nine clicks a step
}

TEST_CASE("a policy that plans ahead hears late too, and goes on with its plan") {
  const auto calm = calm_world(false);
  const Trajectories all =
      played(*calm, *late(std::make_shared<const ThreeAhead>(), delay_of(2), *calm), 200);
  for (std::size_t e = 0; e < 200; ++e) {
    const std::size_t first = at(all.first_step[e]);
    for (std::size_t k = 0; k < 10; ++k) {
      const std::size_t planned = k / 3 * 3, heard = planned < 2 ? 0 : planned - 2;
      std::int32_t taken = 0;
      for (std::size_t s = 0; s < heard; ++s)
        taken += (all.feedback[first + s] & feedback::accepted) != 0 ? 1 : 0;
      CHECK(all.items[first + k] == 1 + (taken + static_cast<ItemId>(k - planned)) % stock);
      CHECK(all.log_prob[first + k] == (k == planned ? -1.0F : 0.0F));
    }
  }
}

TEST_CASE("policies that hear late keep the contract of policies") {
  const auto calm = calm_world(false);
  const auto world = slates();
  conformance::check_policy(*late(std::make_shared<const Echo>(), delay_of(3, 2, 0.5F), *calm), *calm);
  conformance::check_policy(*late(std::make_shared<const ThreeAhead>(), delay_of(3), *calm), *calm);
  conformance::check_policy(*late(std::make_shared<const Notebook>(9), delay_of(2), *world), *world);
}

TEST_CASE("wrong attributes: so many items are said to be another, none of them itself") {
  const Perturbation lie = stress_of(PerturbationKind::wrong_attributes, 0.3F);
  const std::vector<ItemId> told = told_items(lie, 0, 10, 7);
  REQUIRE(told.size() == 11);
  std::int32_t wrong = 0;
  for (ItemId item = 0; item <= 10; ++item) wrong += told[at(item)] != item ? 1 : 0;
  CHECK(wrong == 3);
  CHECK(std::set<ItemId>(told.begin(), told.end()).size() == 11);  // every item's are somebody's
  CHECK(told == told_items(lie, 0, 10, 7));
  const auto moved = [](const std::vector<ItemId>& all) {
    std::set<ItemId> out;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i] != static_cast<ItemId>(i)) out.insert(static_cast<ItemId>(i));
    }
    return out;
  };
  CHECK(moved(told_items(stress_of(PerturbationKind::wrong_attributes, 1.0F), 0, 10, 7)).size() == 10);
  CHECK(moved(told_items(stress_of(PerturbationKind::wrong_attributes, 0.0F), 0, 10, 7)).empty());
  CHECK(moved(told_items(stress_of(PerturbationKind::wrong_attributes, 0.1F), 0, 10, 7)).size() == 2);
  CHECK(moved(told_items(stress_of(PerturbationKind::wrong_attributes, 0.5F), 0, 100, 7)) !=
        moved(told_items(stress_of(PerturbationKind::wrong_attributes, 0.5F), 0, 100, 8)));
  // Item 1 is said to be 3, 3 to be 5 and 5 to be 1; item 3 has two attributes, item 5 none.
  Catalogue catalogue;
  catalogue.ids.assign(6, "i");
  catalogue.popularity = {0, 9, 8, 7, 6, 5};
  catalogue.attribute_names = {"a", "b"};
  catalogue.attribute_offsets = {0, 0, 1, 2, 4, 5, 5};
  catalogue.attributes = {0, 1, 0, 1, 0};
  const std::vector<ItemId> circle{0, 3, 2, 5, 4, 1};
  const Catalogue said = told_catalogue(catalogue, circle);
  CHECK(said.attribute_offsets == std::vector<std::int64_t>{0, 0, 2, 3, 3, 4, 5});
  CHECK(said.attributes == std::vector<std::int32_t>{0, 1, 1, 0, 0});
  CHECK(said.popularity == catalogue.popularity);
  const std::vector<float> table{0, 0, 1, 10, 2, 20, 3, 30, 4, 40, 5, 50};
  CHECK(told_vectors(View<const float>(table.data(), 6, 2), circle) ==
        std::vector<float>{0, 0, 3, 30, 2, 20, 5, 50, 4, 40, 1, 10});
}

TEST_CASE("where policies see features, so many episodes have somebody else's, and people are not fooled") {
  const auto calm = slates(true);
  const PerturbedScenario world(calm, {stress_of(PerturbationKind::wrong_attributes, 0.4F)},
                                bare_data(calm->spec().items));
  const auto truth = std::make_shared<const Notebook>(9), told = std::make_shared<const Notebook>(9);
  const Trajectories before = played(*calm, *truth, 2000), after = played(world, *told, 2000);
  CHECK(after.feedback == before.feedback);
  CHECK(after.episode_user == before.episode_user);
  std::int32_t wrong = 0;
  for (const auto& [place, page] : told->pages) {
    const Told& right = truth->pages.at(place);
    CHECK(page.history == right.history);
    if (place.second == 0) wrong += page.features != right.features ? 1 : 0;
    CHECK(page.features == told->pages.at({place.first, 0}).features);
  }
  // One in a hundred people is drawn for himself.
  CHECK(static_cast<double>(wrong) / 2000.0 == Approx(0.4 * 0.99).epsilon(0.11));
}

TEST_CASE("position bias is the examination of the response model, and is refused where there is one place") {
  const auto calm = slates();
  const auto data = bare_data(calm->spec().items);
  const Notebook policy(9);
  const PerturbedScenario world(calm, {stress_of(PerturbationKind::position_bias, 0.7F)}, data);
  const Trajectories biased = played(world, policy, 100), model = played(*slates(false, 0.7F), policy, 100);
  CHECK(biased.probability == model.probability);
  CHECK(biased.feedback == model.feedback);
  // By hand: the third slot from the top, half way through the ramp.
  const PerturbedScenario grows(
      calm, {stress_of(PerturbationKind::position_bias, 2.0F, {.onset = 0, .ramp = 2})}, data);
  const Trajectories first = played(grows, policy, 20), plain = played(*calm, policy, 20);
  for (std::size_t e = 0; e < 20; ++e) {
    const std::size_t cell = at(plain.first_step[e]) * 9, other = at(first.first_step[e]) * 9;
    CHECK(first.probability[other] == plain.probability[cell]);
    CHECK(first.probability[other + 2] == Approx(plain.probability[cell + 2] / 3.0F));
  }
  CHECK_THROWS_WITH_AS(
      PerturbedScenario(calm_world(false), {stress_of(PerturbationKind::position_bias, 1.0F)}, stock_data()),
      doctest::Contains("slate-v1"), ConfigError);
}

TEST_CASE("slates under stress: every kind that can be, without it the same bytes, the others refused") {
  const auto calm = slates();
  const auto data = bare_data(calm->spec().items);
  const auto policy = std::make_shared<const Notebook>(9);
  const Trajectories before = played(*calm, *policy, 100);
  for (std::size_t kind = 0; kind < perturbation_names.size(); ++kind) {
    CAPTURE(perturbation_names[kind]);
    Perturbation each = stress_of(static_cast<PerturbationKind>(kind), 0.8F, {.onset = 3}, 0.5F);
    if (each.kind == PerturbationKind::boredom || each.kind == PerturbationKind::other_people) {
      CHECK_THROWS_AS(PerturbedScenario(calm, {each}, data), ConfigError);
      continue;
    }
    if (each.kind == PerturbationKind::cohort_mix) continue;    // other people come
    if (each.kind == PerturbationKind::items_change) continue;  // what is to come is missing before
    if (each.kind == PerturbationKind::short_history) each.schedule = {};
    const Trajectories after = played(PerturbedScenario(calm, {each}, data), *policy, 100);
    bool differs = false;
    for (std::size_t e = 0; e < 100; ++e) {
      const bool hit = is_affected(each, 0, {1, after.episode_id[e], 0});
      const std::int32_t same = hit ? std::min({3, before.length[e], after.length[e]}) : before.length[e];
      if (!hit) CHECK(after.length[e] == before.length[e]);
      differs = differs || after.episode_return[e] != before.episode_return[e];
      for (std::int32_t cell = 0; cell < same * 9; ++cell) {
        REQUIRE(after.feedback[at(after.first_step[e] * 9 + cell)] ==
                before.feedback[at(before.first_step[e] * 9 + cell)]);
      }
    }
    // Nobody's answers or patience depend on these; popularity is the same for all items of this data set.
    const bool silent =
        each.kind == PerturbationKind::short_history || each.kind == PerturbationKind::delayed_feedback ||
        each.kind == PerturbationKind::wrong_attributes || each.kind == PerturbationKind::popularity_shock;
    CHECK(differs == !silent);
  }
  conformance::check_scenario(
      PerturbedScenario(calm, {stress_of(PerturbationKind::taste_shock, 0.5F, {.onset = 2}, 0.5F)}, data),
      policy);
}

}  // namespace
}  // namespace veer::stress

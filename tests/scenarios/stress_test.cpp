// Stress: suites as files say them, what perturbations do to answers by exact expectation, hidden states,
// gates.
#include <cmath>
#include <string>
#include <vector>

#include "env/engine.h"
#include "env/error.h"
#include "scenarios/session.h"
#include "scenarios/stress/gates.h"
#include "scenarios/stress/perturbed_scenario.h"
#include "scenarios/stress/resilience.h"
#include "simulators/synthetic/synthetic_log.h"
#include "tests/conformance/conformance.h"
#include "tests/test.h"

namespace veer::stress {
namespace {

using doctest::Approx;

constexpr std::int32_t stock = 8;
constexpr float often = 0.6F;

/// Takes every item with one probability; or, `tastes`, surely what is as odd or even as the first item of
/// the person's history, and surely nothing else, but that an `easy` person also takes item 1.
class Plain final : public UserModel {
 public:
  explicit Plain(bool tastes, bool easy = false, std::int32_t items = stock) : tastes_(tastes), easy_(easy) {
    spec_.kind = "plain";
    spec_.items = items;
    spec_.state_width = 1;
  }
  const UserModelSpec& spec() const noexcept override { return spec_; }
  void begin(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t row : rows) shard.user_state(row) = static_cast<float>(shard.history(row, 0) % 2);
  }
  void choose(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t row : rows) {
      const ItemId item = shard.items(row, 0);
      const bool likes = static_cast<float>(item % 2) == shard.user_state(row) || (easy_ && item == 1);
      const float p = !tastes_ ? often : likes ? 1.0F : 0.0F;
      shard.probability(row, 0) = p;
      shard.feedback(row, 0) =
          uniform(shard.key(row), Stream::choice) < p ? feedback::accepted : feedback::refused;
    }
  }
  void advance(Rows, Shard&, Workspace&) const override {}
  void measure(Rows, Shard&, Workspace&) const override {}
  void copy_state(Rows from, Rows to, Shard& shard, Workspace&) const override {
    for (std::size_t i = 0; i < from.size(); ++i) shard.user_state(to[i]) = shard.user_state(from[i]);
  }
  void propose(Rows, Shard&, Workspace&, View<ItemId>) const override {}
  void score_paths(const PathQuery&, const PathScores&, Workspace&) const override {}

 private:
  UserModelSpec spec_;
  bool tastes_, easy_;
};

/// Shows item 1 for ever, or 1, 2, 3, ... in turn.
class Shelf final : public Policy {
 public:
  explicit Shelf(bool turns) : turns_(turns) { spec_.name = "shelf"; }
  const PolicySpec& spec() const noexcept override { return spec_; }
  void act(Rows rows, const Observation& seen, PolicyState&, Actions& actions, Mode) const override {
    for (const std::int32_t row : rows) {
      actions.items(row, 0) =
          turns_ ? 1 + static_cast<ItemId>(seen.step(row) % static_cast<std::uint32_t>(stock)) : 1;
      actions.log_prob(row) = 0.0F;
    }
  }

 private:
  PolicySpec spec_;
  bool turns_;
};

/// More than eight items are all like the eighth.
std::shared_ptr<const Dataset> stock_data(std::int32_t items = stock) {
  auto data = std::make_shared<Dataset>();
  data->catalogue.ids.assign(at(items) + 1, "i");
  data->catalogue.attribute_names = {"a", "b"};
  data->catalogue.attribute_offsets = {0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
  data->catalogue.attributes = {0, 0, 1, 1, 0, 0, 1, 1};
  data->catalogue.popularity = {0, 100, 50, 20, 10, 5, 2, 1, 0};
  for (std::int32_t item = stock; item < items; ++item) {
    data->catalogue.attribute_offsets.push_back(item + 1);
    data->catalogue.attributes.push_back(1);
    data->catalogue.popularity.push_back(0);
  }
  data->interactions.offsets = {0};
  for (std::int32_t person = 0; person < 8; ++person) {
    data->interactions.user_ids.push_back("u");
    for (const ItemId item : {1 + person % 8, 3, 4, 5}) data->interactions.items.push_back(item);
    data->interactions.offsets.push_back(data->interactions.size());
    data->parts.push_back(Part::test);
  }
  return data;
}

std::shared_ptr<const SessionScenario> calm_world(bool tastes, std::int32_t patience = 1000,
                                                  bool easy = false, std::int32_t items = stock) {
  SessionParameters p;
  p.data = stock_data(items);
  p.users = std::make_shared<const Plain>(tastes, easy, items);
  p.history = 4;
  p.cut = HistoryCut::last;
  p.horizon = 10;
  p.patience = patience;
  return std::make_shared<const SessionScenario>(p);
}

Trajectories played(const Scenario& world, const Policy& policy, std::int64_t episodes) {
  Engine engine(world, policy.spec(), {.rows = 256});
  std::vector<EpisodeId> ids;
  for (std::int64_t e = 0; e < episodes; ++e) ids.push_back(static_cast<EpisodeId>(e));
  return engine.evaluate(policy, Mode::sample, ids);
}

Trajectories under(const std::shared_ptr<const Scenario>& calm, std::vector<Perturbation> stress,
                   const Policy& policy, std::int64_t episodes) {
  const std::shared_ptr<const Dataset> data = stock_data();
  return played(PerturbedScenario(calm, std::move(stress), data->catalogue), policy, episodes);
}

/// Share of episodes that took what step k showed.
std::vector<double> taken_by_step(const Trajectories& all) {
  std::vector<double> out(10, 0.0);
  for (std::int64_t s = 0; s < all.steps(); ++s) {
    out[all.step[at(s)]] += (all.feedback[at(s)] & feedback::accepted) != 0 ? 1.0 : 0.0;
  }
  for (double& value : out) value /= static_cast<double>(all.episodes());
  return out;
}

Perturbation stress_of(PerturbationKind kind, float intensity, Schedule when = {}, float share = 1.0F) {
  return {kind, when, intensity, share, 0};
}

TEST_CASE("answers change as the formulas say, while they last") {
  const auto calm = calm_world(false);
  constexpr std::int64_t episodes = 20'000;
  const auto expect = [&](const Perturbation& stress, const std::vector<double>& by_step,
                          bool turns = false) {
    CAPTURE(perturbation_names[static_cast<std::size_t>(stress.kind)]);
    const std::vector<double> found = taken_by_step(under(calm, {stress}, Shelf(turns), episodes));
    for (std::size_t k = 0; k < by_step.size(); ++k) {
      CAPTURE(k);
      CHECK(std::abs(found[k] - by_step[k]) < 0.015);  // four standard errors
    }
  };
  const double p = double{often};
  // From the third step on, for four steps, growing over the first two of them.
  const Schedule when{.onset = 2, .duration = 4, .ramp = 2};
  expect(stress_of(PerturbationKind::click_noise, 0.5F, when),
         {p, p, p + 0.25 * (1 - 2 * p), 0.5, 0.5, 0.5, p, p});
  expect(stress_of(PerturbationKind::bots, 0.1F, when), {p, p, (p + 0.1) / 2, 0.1, 0.1, 0.1, p, p});
  expect(stress_of(PerturbationKind::fatigue, 0.2F, {.onset = 3}), {p, p, p, p * 0.8, p * 0.64, p * 0.512});
  // The newest item of every history is item 5 of attribute a; item 1 has it too, once taken or not.
  expect(stress_of(PerturbationKind::boredom, 0.5F), {p / 2, p / 2, p / 2});
  expect(stress_of(PerturbationKind::bots, 1.0F, {}, 0.25F), {p + 0.25 * (1 - p), p + 0.25 * (1 - p)});
  // Popularity: by the definition.
  double mean = 0.0, squares = 0.0;
  const double counts[] = {100, 50, 20, 10, 5, 2, 1, 0};
  for (const double count : counts) {
    mean += std::log1p(count) / 8.0;
    squares += std::log1p(count) * std::log1p(count) / 8.0;
  }
  std::vector<double> fashion;
  for (const double count : counts) {
    const double z = (std::log1p(count) - mean) / std::sqrt(squares - mean * mean);
    fashion.push_back(1.0 / (1.0 + std::exp(-(std::log(p / (1 - p)) - 2.0 * z))));
  }
  expect(stress_of(PerturbationKind::popularity_shock, 2.0F), fashion, true);
}

TEST_CASE("vanished items are taken by nobody, all others as before") {
  const auto calm = calm_world(false);
  const std::vector<double> found =
      taken_by_step(under(calm, {stress_of(PerturbationKind::items_vanish, 0.5F)}, Shelf(true), 4000));
  std::int32_t gone = 0;
  for (std::size_t item = 0; item < 8; ++item) {
    const bool vanished = found[item] == 0.0;
    gone += vanished ? 1 : 0;
    if (!vanished) CHECK(found[item] == Approx(double{often}).epsilon(0.06));
  }
  CHECK(gone > 0);
  CHECK(gone < 8);
}

TEST_CASE("when items change, some go and others come, and the rest stays") {
  const auto calm = calm_world(false);
  const Schedule when{.onset = 4};
  // Every item once before the onset and once after it: the shelf turns by fours.
  class Fours final : public Policy {
   public:
    explicit Fours(ItemId first) : first_(first) { spec_.name = "fours"; }
    const PolicySpec& spec() const noexcept override { return spec_; }
    void act(Rows rows, const Observation& seen, PolicyState&, Actions& actions, Mode) const override {
      for (const std::int32_t row : rows) {
        actions.items(row, 0) = first_ + static_cast<ItemId>(seen.step(row) % 4);
        actions.log_prob(row) = 0.0F;
      }
    }

   private:
    PolicySpec spec_;
    ItemId first_;
  };
  std::int32_t gone = 0, come = 0, stay = 0;
  for (const ItemId first : {1, 5}) {
    const std::vector<double> found = taken_by_step(
        under(calm, {stress_of(PerturbationKind::items_change, 0.4F, when)}, Fours(first), 4000));
    for (std::size_t item = 0; item < 4; ++item) {
      const double before = found[item], after = found[item + 4];
      if (before > 0.0) CHECK(before == Approx(double{often}).epsilon(0.06));
      if (after > 0.0) CHECK(after == Approx(double{often}).epsilon(0.06));
      CHECK(before + after > 0.0);
      gone += after == 0.0 ? 1 : 0;
      come += before == 0.0 ? 1 : 0;
      stay += before > 0.0 && after > 0.0 ? 1 : 0;
    }
  }
  CHECK(gone + come + stay == stock);
  CHECK(gone > 0);
  CHECK(come > 0);
}

TEST_CASE("other people answer by their own model from the same history, and are asked for") {
  const auto calm = calm_world(false);
  const std::shared_ptr<const Dataset> data = stock_data();
  const std::vector<Perturbation> stress{
      stress_of(PerturbationKind::other_people, 0.5F, {.onset = 3, .duration = 4})};
  const PerturbedScenario world(calm, stress, data->catalogue, std::make_shared<const Plain>(true));
  const Trajectories all = played(world, Shelf(false), 2000);
  for (std::size_t e = 0; e < 2000; ++e) {
    const float theirs = all.history[e * 4] % 2 == 1 ? 1.0F : 0.0F;
    for (std::size_t k = 0; k < 10; ++k) {
      const float p = k >= 3 && k < 7 ? 0.5F * often + 0.5F * theirs : often;
      CHECK(all.probability[at(all.first_step[e]) + k] == Approx(p));
    }
  }
  CHECK_THROWS_WITH_AS(PerturbedScenario(calm, stress, data->catalogue), doctest::Contains("--other-users"),
                       ConfigError);
  conformance::check_scenario(world, std::make_shared<const Shelf>(true));
}

TEST_CASE("a refusal under impatience costs more patience") {
  const auto calm = calm_world(true, 4);
  // Only even items for odd people: every second item of the shelf is refused.
  const Trajectories before = played(*calm, Shelf(true), 50);
  const Trajectories after =
      under(calm, {stress_of(PerturbationKind::impatience, 1.0F, {.onset = 4})}, Shelf(true), 50);
  for (std::size_t e = 0; e < 50; ++e) {
    const bool odd = before.history[e * 4] % 2 == 1;  // refuses steps 1, 3, 5, 7; the others 0, 2, 4, 6
    CHECK(before.length[e] == (odd ? 8 : 7));
    CHECK(after.length[e] == (odd ? 6 : 5));  // two refusals by one, then one by two
    CHECK(after.end[e] == EndReason::user_left);
  }
}

TEST_CASE("after a shock people answer by somebody else's taste, and policies see no change") {
  const auto calm = calm_world(true);
  const Trajectories all =
      under(calm, {stress_of(PerturbationKind::taste_shock, 1.0F, {.onset = 5})}, Shelf(false), 8000);
  std::int64_t odd = 0, turned_away = 0;
  for (std::size_t e = 0; e < 8000; ++e) {
    const bool liked = all.history[e * 4] % 2 == 1;
    const auto first = at(all.first_step[e]);
    for (std::size_t k = 0; k < 5; ++k) CHECK(((all.feedback[first + k] & feedback::accepted) != 0) == liked);
    const bool likes = (all.feedback[first + 5] & feedback::accepted) != 0;
    for (std::size_t k = 6; k < 10; ++k)
      CHECK(((all.feedback[first + k] & feedback::accepted) != 0) == likes);
    odd += liked ? 1 : 0;
    turned_away += liked && !likes ? 1 : 0;
    CHECK(all.history_size[e] == 4);
  }
  CHECK(odd == Approx(4000).epsilon(0.06));  // half of the people begin with an odd item
  CHECK(turned_away == Approx(static_cast<double>(odd) / 2.0).epsilon(0.1));
}

TEST_CASE("of a short history policies see the end, people remember all") {
  const auto calm = calm_world(true);
  const Trajectories before = played(*calm, Shelf(true), 200);
  const Trajectories after =
      under(calm, {stress_of(PerturbationKind::short_history, 0.75F)}, Shelf(true), 200);
  CHECK(after.feedback == before.feedback);
  for (std::size_t e = 0; e < 200; ++e) {
    CHECK(after.history_size[e] == 1);
    CHECK(after.history[e * 4] == 5);
  }
}

TEST_CASE("without stress, before it and outside its share, episodes are those of the calm world") {
  SyntheticLogParameters log;
  log.people = 60;
  log.events = 20;
  log.world.items = 40;
  const SyntheticLog world = generate_synthetic_log(log);
  SessionParameters p;
  p.data = std::make_shared<const Dataset>(world.dataset);
  p.users = world.truth;
  p.purchases = std::make_shared<const PurchaseModel>(std::vector<float>(41, -1.0F), PurchaseWeights{}, 10);
  const auto calm = std::make_shared<const SessionScenario>(p);
  const Trajectories before = played(*calm, Shelf(true), 300);
  const auto stressed = [&](const Perturbation& each) {
    return played(PerturbedScenario(calm, {each}, world.dataset.catalogue, world.truth), Shelf(true), 300);
  };
  for (std::size_t kind = 0; kind < perturbation_names.size(); ++kind) {
    CAPTURE(perturbation_names[kind]);
    Perturbation each = stress_of(static_cast<PerturbationKind>(kind), 0.8F, {.onset = 9}, 0.5F);
    if (each.kind == PerturbationKind::short_history) each.schedule = {};
    if (each.kind == PerturbationKind::items_change) continue;  // what is to come is missing before
    const Trajectories after = stressed(each);
    for (std::size_t e = 0; e < 300; ++e) {
      const bool hit = is_affected(each, 0, {1, after.episode_id[e], 0});
      const std::int32_t same = hit ? std::min({9, before.length[e], after.length[e]}) : before.length[e];
      if (!hit) CHECK(after.length[e] == before.length[e]);
      if (hit && each.kind == PerturbationKind::short_history) continue;
      for (std::int32_t k = 0; k < same; ++k) {
        CHECK(after.feedback[at(after.first_step[e] + k)] == before.feedback[at(before.first_step[e] + k)]);
        CHECK(after.probability[at(after.first_step[e] + k)] ==
              before.probability[at(before.first_step[e] + k)]);
      }
    }
  }
  for (const PerturbationKind kind : {PerturbationKind::taste_shock, PerturbationKind::short_history}) {
    conformance::check_scenario(
        PerturbedScenario(calm, {stress_of(kind, 0.5F, {}, 0.5F)}, world.dataset.catalogue),
        std::make_shared<const Shelf>(true));
  }
}

TEST_CASE("what a step brought, what was lost and when it came back, by hand") {
  const std::vector<float> calm(20, 1.0F);  // two people, ten steps
  std::vector<float> stressed = calm;
  for (const std::size_t e : {0, 10}) {
    for (std::size_t k = 4; k < 7; ++k) stressed[e + k] = e == 0 ? 0.0F : 1.0F;
  }
  StressTest test;
  test.perturbations = {stress_of(PerturbationKind::bots, 0.0F, {.onset = 4}, 0.5F)};
  const std::vector<UserId> people{0, 1};
  const Resilience found =
      resilience_of(calm, stressed, 10, test, people, std::vector<std::uint8_t>{1, 0}, {});
  CHECK(found.onset == 4);
  CHECK(found.drop.mean == Approx(0.5));
  CHECK(found.lost.mean == Approx(3.0 / 12.0));
  CHECK(found.lost_hit.mean == Approx(0.5));
  CHECK(found.recovery ==
        3);  // of the windows from the onset on the fourth is the first without a loss above a tenth
  CHECK(found.calm[0] == 1.0);
  CHECK(found.stressed[4] == 0.5);
  const Trajectories all = played(*calm_world(true, 1), Shelf(true), 20);
  const std::vector<float> worth = step_worth(all, 10, {.click = 0.2F, .purchase = 1.0F, .skip = 0.1F});
  for (std::size_t e = 0; e < 20; ++e) {
    const bool odd = all.history[e * 4] % 2 == 1;  // takes the first, refuses the second and leaves
    CHECK(worth[e * 10] == (odd ? 0.2F : -0.1F));
    CHECK(worth[e * 10 + 1] == (odd ? -0.1F : 0.0F));
    CHECK(worth[e * 10 + 2] == 0.0F);
    CHECK(figure_of(all, GateFigure::length)[e] == (odd ? 2.0F : 1.0F));
    CHECK(figure_of(all, GateFigure::taken)[e] == (odd ? 1.0F : 0.0F));
  }
}

TEST_CASE("slack and verdicts of gates") {
  const std::vector<float> stressed{3.0F, 5.0F}, calm{4.0F, 6.0F}, baseline{3.5F, 3.5F};
  CHECK(slack_of({GateFigure::worth, GateRule::at_least, 2.0, 0}, stressed, calm, {}) ==
        std::vector<float>{1.0F, 3.0F});
  CHECK(slack_of({GateFigure::worth, GateRule::keeps, 0.5, 0}, stressed, calm, {}) ==
        std::vector<float>{1.0F, 2.0F});
  CHECK(slack_of({GateFigure::worth, GateRule::not_worse, 1.0, 0}, stressed, calm, baseline) ==
        std::vector<float>{0.5F, 2.5F});
  const auto evidence = [](double pass, double fail) { return GateEvidence{{}, pass, fail}; };
  // Holm over three: 0.01 * 3 passes, then 0.03 * 2 does not.
  const std::vector<GateEvidence> three{evidence(0.01, 1.0), evidence(0.03, 1.0), evidence(0.9, 0.001)};
  const std::vector<Verdict> verdicts = decide(three, 0.05);
  CHECK(verdicts == std::vector<Verdict>{Verdict::pass, Verdict::undecided, Verdict::fail});
  CHECK(overall(verdicts) == Verdict::fail);
  CHECK(overall(std::vector<Verdict>{Verdict::pass, Verdict::undecided}) == Verdict::undecided);
  CHECK(overall(std::vector<Verdict>{Verdict::pass}) == Verdict::pass);
  CHECK(overall({}) == Verdict::pass);
}

TEST_CASE("at the boundary of a gate hardly anybody passes wrongly; away from it, verdicts come") {
  // 400 studies of 60 people with 5 episodes each, who differ from each other more than their episodes do.
  constexpr int studies = 400, crowd = 60, each = 5;
  std::vector<UserId> people;
  for (int person = 0; person < crowd; ++person) people.insert(people.end(), each, person);
  int at_boundary = 0, wrong_fails = 0, found_good = 0, found_bad = 0;
  for (int study = 0; study < studies; ++study) {
    std::vector<float> slack(people.size()), good, bad;
    for (std::size_t e = 0; e < slack.size(); ++e) {
      const StepKey person{1, static_cast<EpisodeId>(study), static_cast<std::uint32_t>(people[e])};
      const StepKey episode{2, static_cast<EpisodeId>(study), static_cast<std::uint32_t>(e)};
      // Skewed, as sessions are: the square of a normal, less its mean.
      const float own = normal(person, Stream::generate);
      slack[e] = own * own - 1.0F + 0.5F * normal(episode, Stream::generate);
      good.push_back(slack[e] + 0.8F);
      bad.push_back(slack[e] - 0.8F);
    }
    const CrossedOptions options{.replicates = 1000, .seed = static_cast<std::uint64_t>(study)};
    const auto verdict = [&](const std::vector<float>& values) {
      const std::vector<GateEvidence> one{weigh(values, people, options)};
      return decide(one, 0.05).front();
    };
    const Verdict boundary = verdict(slack);
    at_boundary += boundary == Verdict::pass ? 1 : 0;
    wrong_fails += boundary == Verdict::fail ? 1 : 0;
    found_good += verdict(good) == Verdict::pass ? 1 : 0;
    found_bad += verdict(bad) == Verdict::fail ? 1 : 0;
  }
  MESSAGE("at the boundary: ", at_boundary, " of 400 pass, ", wrong_fails, " fail; away from it ", found_good,
          " pass and ", found_bad, " fail as they should");
  CHECK(at_boundary <= studies * 5 / 100);
  CHECK(found_good >= studies * 8 / 10);
  CHECK(found_bad >= studies * 8 / 10);
}

/// Shows what is as odd or even as the first item of the history; if it learns, the other kind after a
/// refusal.
class Reader final : public Policy {
 public:
  explicit Reader(bool learns) : learns_(learns) {
    spec_.name = "reader";
    spec_.state_width = 1;
  }
  const PolicySpec& spec() const noexcept override { return spec_; }
  void begin(Rows rows, const Observation& seen, PolicyState& state) const override {
    for (const std::int32_t row : rows) state.values(row) = static_cast<float>(seen.history(row, 0) % 2);
  }
  void act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions, Mode) const override {
    for (const std::int32_t row : rows) {
      const bool refused = seen.step(row) > 0 && (seen.last_feedback(row, 0) & feedback::accepted) == 0;
      if (learns_ && refused) state.values(row) = 1.0F - state.values(row);
      actions.items(row, 0) = state.values(row) > 0.5F ? 1 : 2;
      actions.log_prob(row) = 0.0F;
    }
  }

 private:
  PolicySpec spec_;
  bool learns_;
};

/// Shows one item, by lot of the episode, and the next one after a refusal; or keeps to what was taken once.
class Taster final : public Policy {
 public:
  Taster(bool learns, std::int32_t items) : learns_(learns), items_(items) {
    spec_.name = "taster";
    spec_.state_width = 2;
  }
  const PolicySpec& spec() const noexcept override { return spec_; }
  void begin(Rows rows, const Observation& seen, PolicyState& state) const override {
    for (const std::int32_t row : rows) {
      state.values(row, 0) = static_cast<float>(
          uniform_below(static_cast<std::uint32_t>(items_), seen.key(row), Stream::policy, 0));
      state.values(row, 1) = 0.0F;
    }
  }
  void act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions, Mode) const override {
    for (const std::int32_t row : rows) {
      const bool taken = seen.step(row) > 0 && (seen.last_feedback(row, 0) & feedback::accepted) != 0;
      if (taken) state.values(row, 1) = 1.0F;
      const bool stays = taken || seen.step(row) == 0 || (!learns_ && state.values(row, 1) > 0.0F);
      if (!stays) state.values(row, 0) += 1.0F;
      actions.items(row, 0) = 1 + static_cast<ItemId>(state.values(row, 0)) % items_;
      actions.log_prob(row) = 0.0F;
    }
  }

 private:
  PolicySpec spec_;
  bool learns_;
  std::int32_t items_;
};

/// Of fifty trials with other seeds, how many fail the weak policy and how many pass the healthy one.
struct Planted {
  int fails = 0, passes = 0;
};
Planted trials_of(const Scenario& calm, const Scenario& stressed, const StressGate& gate, const Policy& weak,
                  const Policy& healthy) {
  constexpr int studies = 50, episodes = 120;
  Planted out;
  for (int study = 0; study < studies; ++study) {
    for (const Policy* policy : {&weak, &healthy}) {
      std::vector<EpisodeId> ids;
      for (int e = 0; e < episodes; ++e) ids.push_back(static_cast<EpisodeId>(e));
      const EngineOptions options{.rows = episodes, .seed = static_cast<std::uint64_t>(study + 1)};
      const Trajectories before = Engine(calm, policy->spec(), options).evaluate(*policy, Mode::sample, ids);
      const Trajectories after =
          Engine(stressed, policy->spec(), options).evaluate(*policy, Mode::sample, ids);
      const std::vector<float> slack =
          slack_of(gate, figure_of(after, gate.figure), figure_of(before, gate.figure), {});
      const std::vector<UserId> strangers(slack.size(), -1);
      // Every episode somebody else's: eight people are too few to resample.
      const std::vector<GateEvidence> evidence{weigh(slack, strangers, {.replicates = 1000})};
      const Verdict verdict = decide(evidence, 0.05).front();
      out.fails += policy == &weak && verdict == Verdict::fail ? 1 : 0;
      out.passes += policy == &healthy && verdict == Verdict::pass ? 1 : 0;
    }
  }
  return out;
}

TEST_CASE("planted weaknesses fail the gate made for them, healthy policies pass it") {
  const std::shared_ptr<const Dataset> data = stock_data();
  const StressGate keeps_most{GateFigure::taken, GateRule::keeps, 0.8, 0},
      keeps_half{GateFigure::taken, GateRule::keeps, 0.5, 0};
  const auto check = [](const std::string& weakness, const Planted& found) {
    MESSAGE(weakness, ": of 50 trials ", found.fails, " fail who has it, ", found.passes,
            " pass who has it not");
    CHECK(found.fails >= 40);
    CHECK(found.passes >= 40);
  };
  // After the third step half of the people like the other kind: who cannot follow keeps 0.6 of the calm
  // world, who can 0.95.
  const auto tastes = calm_world(true);
  check("cannot follow a shock",
        trials_of(*tastes,
                  PerturbedScenario(tastes, {stress_of(PerturbationKind::taste_shock, 1.0F, {.onset = 2})},
                                    data->catalogue),
                  keeps_most, Reader(false), Reader(true)));
  // Every item goes or comes: what was taken before the third step is taken no more.
  constexpr std::int32_t many = 200;
  const auto plain = calm_world(false, 1000, false, many);
  check("ignores new items",
        trials_of(*plain,
                  PerturbedScenario(plain, {stress_of(PerturbationKind::items_change, 0.5F, {.onset = 4})},
                                    stock_data(many)->catalogue),
                  keeps_half, Taster(false, many), Taster(true, many)));
  // Easy people take item 1 whatever they like; others do not. Who shows what people like loses nothing.
  const auto easy = calm_world(true, 1000, true);
  check("exploits one user model",
        trials_of(*easy,
                  PerturbedScenario(easy, {stress_of(PerturbationKind::other_people, 1.0F)}, data->catalogue,
                                    std::make_shared<const Plain>(true)),
                  keeps_most, Shelf(false), Reader(false)));
}

TEST_CASE("suites are read whole or refused by line and key") {
  for (const NamedSuite& shipped : shipped_suites()) {
    const StressSuite suite = read_suite(shipped.text, "s.toml");
    CHECK(suite.name == shipped.name);
    CHECK(!suite.compares());
    for (const StressTest& test : suite.tests) CHECK(!test.gates.empty());
  }
  const std::string head = "format = 1\nname = \"mine\"\n[[test]]\nname = \"one\"\n";
  const std::string shock = "[[test.perturbation]]\nkind = \"taste_shock\"\nonset = 3\nintensity = 0.5\n";
  const StressSuite suite = read_suite(
      head + shock + "[[test.gate]]\nfigure = \"length\"\nrule = \"not_worse\"\nmargin = 0.5\n", "s.toml");
  CHECK(suite.compares());
  CHECK(suite.tests[0].perturbations[0].schedule.onset == 3);
  CHECK(suite.tests[0].perturbations[0].line == 5);
  CHECK(suite.tests[0].gates[0].bound == 0.5);
  const auto refused = [](const std::string& text, const char* words) {
    CAPTURE(text);
    CHECK_THROWS_WITH_AS(read_suite(text, "s.toml"), doctest::Contains(words), Error);
    try {
      read_suite(text, "s.toml");
    } catch (const Error& error) {
      CHECK(std::string(error.what()).starts_with("s.toml"));
    }
  };
  refused("format = 1\nname = \"x\"\n", "[[test]]");
  refused(head, "[[test.perturbation]]");
  refused(head + "[[test.perturbation]]\nkind = \"storm\"\n", "taste_shock, click_noise");
  refused(head + "[[test.perturbation]]\nkind = \"bots\"\nintensity = 2\n", "s.toml:5");
  refused(head + "[[test.perturbation]]\nkind = \"bots\"\nonsett = 2\n", "onsett");
  refused(head + "[[test.perturbation]]\nkind = \"short_history\"\nonset = 2\n", "short from the start");
  refused(head + "[[test.perturbation]]\nkind = \"bots\"\nshare = 0\n", "share");
  refused(head + shock + shock, "two of taste_shock");
  refused(head + shock + "[[test.gate]]\nfigure = \"length\"\nrule = \"not_worse\"\nmargin = 0\n", "margin");
  refused(head + shock + "[[test.gate]]\nfigure = \"length\"\nrule = \"keeps\"\nmargin = 1\n", "share");
  refused("format = 1\nname = \"x\"\n[[test]]\nname = \"calm\"\n" + shock, "calm");
  refused("format = 1\nname = \"x\"\n[[test]]\nname = \"../up\"\n" + shock, "letters");
}

}  // namespace
}  // namespace veer::stress

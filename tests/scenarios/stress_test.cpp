// Stress: suites as files say them, what perturbations do to answers by exact expectation, hidden states,
// gates.
#include <cmath>
#include <string>
#include <vector>

#include "env/error.h"
#include "scenarios/stress/gates.h"
#include "scenarios/stress/resilience.h"
#include "simulators/synthetic/synthetic_log.h"
#include "tests/conformance/conformance.h"
#include "tests/scenarios/stress_worlds.h"
#include "tests/test.h"

namespace veer::stress {
namespace {

using doctest::Approx;

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

TEST_CASE(
    "vanished items are taken by nobody, all others as before, and every episode has a lot of its own") {
  const auto calm = calm_world(false);
  const std::vector<double> found =
      taken_by_step(under(calm, {stress_of(PerturbationKind::items_vanish, 0.25F)}, Shelf(true), 4000));
  // Of every item a quarter of the episodes has none.
  for (const double share : found) CHECK(share == Approx(0.75 * double{often}).epsilon(0.06));
  const std::vector<double> all =
      taken_by_step(under(calm, {stress_of(PerturbationKind::items_vanish, 1.0F)}, Shelf(true), 40));
  for (const double share : all) CHECK(share == 0.0);
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
  for (const ItemId first : {1, 5}) {
    const Trajectories paths =
        under(calm, {stress_of(PerturbationKind::items_change, 0.4F, when)}, Fours(first), 4000);
    // Before the onset what is new is missing, after it what is gone: either two fifths of the items.
    for (const double share : taken_by_step(paths)) {
      CHECK(share == Approx(0.6 * double{often}).epsilon(0.06));
    }
  }
}

TEST_CASE("other people answer by their own model from the same history, and are asked for") {
  const auto calm = calm_world(false);
  const std::shared_ptr<const Dataset> data = stock_data();
  const std::vector<Perturbation> stress{
      stress_of(PerturbationKind::other_people, 0.5F, {.onset = 3, .duration = 4})};
  const PerturbedScenario world(calm, stress, data, std::make_shared<const Plain>(true));
  const Trajectories all = played(world, Shelf(false), 2000);
  for (std::size_t e = 0; e < 2000; ++e) {
    const float theirs = all.history[e * 4] % 2 == 1 ? 1.0F : 0.0F;
    for (std::size_t k = 0; k < 10; ++k) {
      const float p = k >= 3 && k < 7 ? 0.5F * often + 0.5F * theirs : often;
      CHECK(all.probability[at(all.first_step[e]) + k] == Approx(p));
    }
  }
  CHECK_THROWS_WITH_AS(PerturbedScenario(calm, stress, data), doctest::Contains("--other-users"),
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
    return played(PerturbedScenario(calm, {each}, p.data, world.truth), Shelf(true), 300);
  };
  for (std::size_t kind = 0; kind < perturbation_names.size(); ++kind) {
    CAPTURE(perturbation_names[kind]);
    Perturbation each = stress_of(static_cast<PerturbationKind>(kind), 0.8F, {.onset = 9}, 0.5F);
    if (each.kind == PerturbationKind::position_bias) continue;  // refused: there is one position
    if (each.kind == PerturbationKind::cohort_mix) continue;     // other people come
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
    conformance::check_scenario(PerturbedScenario(calm, {stress_of(kind, 0.5F, {}, 0.5F)}, p.data),
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
  CHECK(overall({}) == Verdict::none);
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
  const auto one = [&](const std::string& lines) { return head + "[[test.perturbation]]\n" + lines; };
  const auto first = [&](const std::string& lines) {
    return read_suite(one(lines), "s.toml").tests[0].perturbations[0];
  };
  CHECK(first("kind = \"delayed_feedback\"\ndelay = 3\nonset = 2\n").intensity == 3.0F);
  refused(one("kind = \"delayed_feedback\"\n"), "delay");
  refused(one("kind = \"delayed_feedback\"\ndelay = 0\n"), "s.toml:7");
  refused(one("kind = \"delayed_feedback\"\ndelay = 51\n"), "50");
  refused(one("kind = \"delayed_feedback\"\ndelay = 1.5\n"), "delay");
  refused(one("kind = \"delayed_feedback\"\ndelay = 3\nintensity = 3\n"), "intensity");
  refused(one("kind = \"delayed_feedback\"\ndelay = 3\nduration = 3\n"), "heard at once");
  refused(one("kind = \"bots\"\ndelay = 3\n"), "delay");
  const Perturbation mix =
      first("kind = \"cohort_mix\"\nby = \"attribute\"\ngroup = \"Drama\"\nintensity = 0.7\n");
  CHECK(mix.by == CohortBy::attribute);
  CHECK(mix.group == "Drama");
  CHECK(mix.intensity == 0.7F);
  refused(one("kind = \"cohort_mix\"\ngroup = \"low\"\n"), "by");
  refused(one("kind = \"cohort_mix\"\nby = \"age\"\ngroup = \"low\"\n"), "history, activity, attribute");
  refused(one("kind = \"cohort_mix\"\nby = \"activity\"\ngroup = \"few\"\n"), "low, middle or high");
  refused(one("kind = \"cohort_mix\"\nby = \"activity\"\ngroup = \"low\"\nonset = 2\n"), "before the first");
  refused(one("kind = \"cohort_mix\"\nby = \"activity\"\ngroup = \"low\"\nshare = 0.5\n"), "is the share");
  refused(one("kind = \"bots\"\nby = \"history\"\n"), "by");
  refused(one("kind = \"wrong_attributes\"\nramp = 2\n"), "told before");
  refused(one("kind = \"wrong_attributes\"\nshare = 0.5\n"), "is the share");
  refused(one("kind = \"position_bias\"\nintensity = 11\n"), "10.0");
  const std::string lie = "kind = \"wrong_attributes\"\nintensity = 0.5\n";
  refused(one(lie) + "[[test.perturbation]]\n" + lie, "at most one");
  refused(head + shock + "[[test.gate]]\nfigure = \"length\"\nrule = \"not_worse\"\nmargin = 0\n", "margin");
  refused(head + shock + "[[test.gate]]\nfigure = \"length\"\nrule = \"keeps\"\nmargin = 1\n", "share");
  refused("format = 1\nname = \"x\"\n[[test]]\nname = \"calm\"\n" + shock, "calm");
  refused("format = 1\nname = \"x\"\n[[test]]\nname = \"../up\"\n" + shock, "letters");
}

}  // namespace
}  // namespace veer::stress

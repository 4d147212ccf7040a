#include "scenarios/population.h"

#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/error.h"
#include "scenarios/guidance.h"
#include "simulators/long_run/long_run.h"
#include "simulators/synthetic/synthetic_log.h"
#include "tests/conformance/conformance.h"
#include "tests/test.h"
#include "tests/toys/line_user.h"
#include "tests/toys/policies.h"

namespace veer {
namespace {

/// Items 1..6, "even" or "odd"; logs as given, everybody in the test part.
std::shared_ptr<const Dataset> small_data(const std::vector<std::vector<ItemId>>& logs,
                                          const std::vector<std::int64_t>& times = {}) {
  auto data = std::make_shared<Dataset>();
  data->catalogue.ids = {"", "1", "2", "3", "4", "5", "6"};
  data->catalogue.attribute_names = {"odd", "even"};
  data->catalogue.attribute_offsets = {0, 0, 1, 2, 3, 4, 5, 6};
  data->catalogue.attributes = {0, 1, 0, 1, 0, 1};
  data->interactions.offsets = {0};
  for (const std::vector<ItemId>& log : logs) {
    data->interactions.user_ids.push_back("u" + std::to_string(data->interactions.user_ids.size()));
    data->interactions.items.insert(data->interactions.items.end(), log.begin(), log.end());
    data->interactions.offsets.push_back(data->interactions.size());
    data->parts.push_back(Part::test);
  }
  data->interactions.times = times;
  return data;
}

const SyntheticLog& world() {
  static const SyntheticLog log = [] {
    SyntheticLogParameters p;
    p.people = 400;
    p.events = 30;
    p.world.items = 200;
    return generate_synthetic_log(p);
  }();
  return log;
}

Cohort named(const std::string& name) {
  Cohort cohort;
  cohort.name = name;
  return cohort;
}

PopulationRecipe recipe_of(std::vector<Cohort> cohorts, std::optional<Part> part = Part::test) {
  PopulationRecipe recipe;
  recipe.name = "people";
  recipe.part = part;
  recipe.cohorts = std::move(cohorts);
  return recipe;
}

Cohort fresh(std::optional<double> bandwidth) {
  Cohort cohort = named("new");
  cohort.made_up = true;
  cohort.bandwidth = bandwidth;
  return cohort;
}

bool everybody(UserId) { return true; }

/// A population that asks nothing of its user model.
Population logged(PopulationRecipe recipe, std::shared_ptr<const Dataset> data) {
  return {std::move(recipe), std::move(data), world().truth, 1, everybody};
}

using Ids = std::vector<UserId>;
Ids people_of(const Population& population, std::int32_t cohort) {
  const auto people = population.people_of(cohort);
  return {people.begin(), people.end()};
}

GuidanceParameters guidance(PopulationRecipe recipe) {
  GuidanceParameters p;
  p.data = std::make_shared<const Dataset>(world().dataset);
  p.users = world().truth;
  p.population = std::move(recipe);
  p.target = TargetSource::uniform_unseen;
  return p;
}

}  // namespace

TEST_CASE("cohorts: length of the log, items per day, share of an attribute") {
  // 3, 4 and 6 items; the second took all within a day, the third over three days; shares of "odd" 1, 1/2,
  // 1/3.
  constexpr std::int64_t day = 86'400;
  const auto data = small_data({{1, 3, 5}, {1, 2, 3, 4}, {2, 4, 6, 1, 3, 2}},
                               {0, day, 6 * day, 0, 10, 20, 30, 0, day, day, day, day, 3 * day});
  const auto members = [&](const std::function<void(Cohort&)>& change) {
    Cohort cohort = named("c");
    change(cohort);
    return people_of(logged(recipe_of({cohort}), data), 0);
  };
  CHECK(members([](Cohort&) {}) == Ids{0, 1, 2});
  CHECK(members([](Cohort& c) { c.least_log = 4; }) == Ids{1, 2});
  CHECK(members([](Cohort& c) { c.most_log = 4; }) == Ids{0, 1});
  CHECK(members([](Cohort& c) { c.least_per_day = 2.0; }) == Ids{1, 2});  // 0.5, 4 and 2 per day
  CHECK(members([](Cohort& c) { c.most_per_day = 2.0; }) == Ids{0, 2});
  CHECK(members([](Cohort& c) { c.attribute = "odd", c.least_share = 0.5; }) == Ids{0, 1});
  CHECK(members([](Cohort& c) { c.attribute = "odd", c.most_share = 0.5; }) == Ids{1, 2});
  CHECK(members([](Cohort& c) { c.attribute = "even", c.least_share = 0.6, c.least_log = 5; }) == Ids{2});
  const Population some(recipe_of({named("a")}), data, world().truth, 1,
                        [](UserId user) { return user != 1; });
  CHECK(some.people() == Ids{0, 2});
  CHECK_FALSE(some.makes_up());
}

TEST_CASE("cohorts are drawn by weight, their members evenly") {
  const auto data = small_data({{1, 3, 5}, {1, 2, 3, 4}, {2, 4, 6, 1, 3, 2}});
  Cohort light = named("light");
  light.most_log = 3;
  Cohort heavy = named("heavy");
  heavy.least_log = 4;
  heavy.weight = 3.0;
  const Population population = logged(recipe_of({light, heavy}), data);
  std::vector<int> counts(3, 0);
  constexpr int draws = 20'000;
  for (int i = 0; i < draws; ++i) {
    const Member member = population.draw({7, static_cast<EpisodeId>(i), 0});
    CHECK(member.cohort == (member.user == 0 ? 0 : 1));
    ++counts[static_cast<std::size_t>(member.user)];
    CHECK(population.draw({7, static_cast<EpisodeId>(i), 0}).user == member.user);
  }
  for (std::size_t user = 0; user < 3; ++user) {
    const double share = user == 0 ? 0.25 : 0.375;
    CHECK(std::abs(counts[user] - share * draws) < 5.0 * std::sqrt(draws * share * (1.0 - share)));
  }
}

TEST_CASE("new people start around the tastes of members, and live by the user model") {
  const auto data = std::make_shared<const Dataset>(world().dataset);
  constexpr std::int32_t length = 12;
  const auto people = [&](std::optional<double> bandwidth) {
    return Population(recipe_of({fresh(bandwidth)}, std::nullopt), data, world().truth, length, everybody);
  };
  const Population copies = people(0.0), fitted = people({});
  CHECK(copies.makes_up());
  CHECK(copies.people_of(0).size() == 400);
  REQUIRE(fitted.tastes_of(0) != nullptr);
  // Favourite topics make clusters: nothing like a normal distribution.
  CHECK(fitted.tastes_of(0)->bandwidth() < 0.8);
  CHECK(fitted.tastes_of(0)->gain() > 1.0);
  CHECK(fitted.tastes_of(0)->directions() == world().truth->world().topics());

  int moved = 0;
  // With bandwidth 0 they are the members, living on from where their taste was read.
  for (EpisodeId e = 0; e < 20; ++e) {
    const StepKey key{9, e, 0};
    const Member member = copies.draw(key);
    REQUIRE(copies.made_up(member));
    CHECK(copies.people_of(0)[static_cast<std::size_t>(member.index)] == member.user);
    std::vector<ItemId> found(length), expected(length);
    copies.write_history(member, key, found);
    const auto log = data->interactions.of(member.user);
    const std::int64_t place = drawn_place(data->interactions, member.user, length);
    REQUIRE(place >= std::min<std::int64_t>(5, std::ssize(log) - length));
    REQUIRE(place + length <= std::ssize(log));
    std::vector<float> taste(static_cast<std::size_t>(world().truth->taste_width()));
    world().truth->taste_of(member.user, log.first(static_cast<std::size_t>(place)), taste);
    live(*world().truth,
         {.taste = taste,
          .state_width = world().truth->spec().state_width,
          .items = data->catalogue.size(),
          .days = 0.0F,
          .rest = long_run::rest_between_repeats(data->interactions)},
         key, expected);
    CHECK(found == expected);
    fitted.write_history(member, key, expected);
    moved += found != expected ? 1 : 0;
  }
  CHECK(moved > 10);
}

TEST_CASE("new people of the synthetic world are like people they were not made from") {
  const Dataset& data = world().dataset;
  const auto shared = std::make_shared<const Dataset>(data);
  constexpr std::int32_t length = 15;
  const auto half = [&](Cohort cohort, int which) {
    return Population(recipe_of({cohort}, std::nullopt), shared, world().truth, length,
                      [which](UserId user) { return user % 2 == which; });
  };
  Interactions real;
  real.offsets = {0};
  for (const UserId user : half(fresh({}), 1).people()) {
    const auto before = static_cast<std::size_t>(drawn_place(data.interactions, user, length));
    const auto window = data.interactions.of(user).subspan(before, length);
    real.items.insert(real.items.end(), window.begin(), window.end());
    real.offsets.push_back(real.size());
  }
  const auto grade = [&](Cohort cohort, bool shuffled) {
    const Population makers = half(cohort, 0);
    Interactions made = real;
    for (std::int32_t i = 0; i < made.users(); ++i) {
      const StepKey key{5, static_cast<EpisodeId>(i), 0};
      const std::span<ItemId> items =
          std::span(made.items).subspan(static_cast<std::size_t>(i * length), length);
      makers.write_history(makers.draw(key), key, items);
      if (!shuffled) continue;
      for (ItemId& item : items) item = 1 + (item * 37) % data.catalogue.size();
    }
    long_run::Options options;
    options.starts.least_history = 5;
    options.starts.steps = 10;
    return long_run::compare_logs(data, real, made, options).grade;
  };
  const long_run::Grade copies = grade(fresh(0.0), false);
  const long_run::Grade fitted = grade(fresh({}), false);
  const long_run::Grade normal = grade(fresh(1.0), false);
  const long_run::Grade wrong = grade(fresh({}), true);
  INFO("copies " << copies.text() << "; fitted " << fitted.text() << "; normal " << normal.text()
                 << "; wrong " << wrong.text());
  CHECK(copies.letter <= 'B');
  CHECK(fitted.letter <= 'B');
  CHECK(fitted.score < normal.score);
  CHECK(wrong.letter > fitted.letter);
}

TEST_CASE("a population does not depend on the number of threads") {
  const auto histories = [] {
    const Population population(recipe_of({fresh({})}, std::nullopt),
                                std::make_shared<const Dataset>(world().dataset), world().truth, 10,
                                everybody);
    std::vector<ItemId> all(200);
    for (EpisodeId e = 0; e < 20; ++e) {
      const StepKey key{2, e, 0};
      population.write_history(population.draw(key), key, std::span(all).subspan(e * 10, 10));
    }
    return all;
  };
  const std::vector<ItemId> one = histories();
  tbb::task_arena(3).execute([&] { CHECK(histories() == one); });
}

TEST_CASE("a scenario whose people come from a population conforms, and plays its cohorts") {
  Cohort long_logs = named("long");
  long_logs.least_log = 40;
  Cohort made = fresh({});
  made.most_log = 39;
  const GuidanceScenario scenario(guidance(recipe_of({long_logs, made}, std::nullopt)));
  conformance::check_scenario(scenario, std::make_shared<toys::UniformItems>(scenario.spec().items, 1));

  Batch batch({.rows = 64, .shard_rows = 64, .history_capacity = 20, .user_state = 1}, 11);
  Shard shard = batch.shard(0);
  int logged_people = 0;
  for (std::int32_t row = 0; row < 64; ++row) {
    shard.episode(row) = static_cast<EpisodeId>(row);
    scenario.begin_episode(row, shard);
    const auto log = world().dataset.interactions.of(shard.user(row));
    const auto history = shard.history.row(row).first(10);
    const bool window = std::ranges::search(log, history).begin() != log.end();
    const Member member = scenario.population()->draw({11, static_cast<EpisodeId>(row), 0});
    CHECK(member.user == shard.user(row));
    CHECK(window == (member.cohort == 0));
    CHECK((std::ssize(log) >= 40) == (member.cohort == 0));
    logged_people += window ? 1 : 0;
    CHECK(std::ranges::find(history, shard.target(row)) == history.end());
    if (window) CHECK(std::ranges::find(log, shard.target(row)) == log.end());
  }
  CHECK(logged_people > 12);
  CHECK(logged_people < 52);
}

TEST_CASE("populations that cannot be are refused in words") {
  const auto data = small_data({{1, 3, 5}, {1, 2, 3, 4}});
  const auto make = [&](Cohort cohort) { return logged(recipe_of({cohort}), data); };
  Cohort cohort = named("c");
  cohort.attribute = "prime";
  CHECK_THROWS_WITH_AS(make(cohort), doctest::Contains("'prime'"), DataError);
  cohort = named("c");
  cohort.least_per_day = 1.0;
  CHECK_THROWS_WITH_AS(make(cohort), doctest::Contains("times"), DataError);
  cohort = named("c");
  cohort.least_log = 100;
  cohort.line = 12;
  PopulationRecipe from_file = recipe_of({cohort});
  from_file.file = "people.toml";
  CHECK_THROWS_WITH_AS(logged(from_file, data), doctest::Contains("people.toml:12: cohort 'c'"), DataError);
  cohort = named("c");
  cohort.weight = 0.0;
  CHECK_THROWS_AS(make(cohort), ConfigError);
  CHECK_THROWS_AS(logged(recipe_of({}), data), ConfigError);
  CHECK_THROWS_AS(logged(recipe_of({named("c"), named("c")}), data), ConfigError);

  CHECK_THROWS_WITH_AS(make(fresh({})), doctest::Contains("2 people of this kind"), DataError);
  const auto line = std::make_shared<const toys::LineUser>(6);
  CHECK_THROWS_WITH_AS(Population(recipe_of({fresh({})}), data, line, 1, everybody),
                       doctest::Contains("veer fit shift_user"), ConfigError);

  GuidanceParameters p = guidance(recipe_of({fresh({})}));
  p.target = TargetSource::natural;
  CHECK_THROWS_WITH_AS(GuidanceScenario{p}, doctest::Contains("natural"), ConfigError);
  p.target = TargetSource::uniform_unseen;
  p.history = 200;
  CHECK_THROWS_WITH_AS(GuidanceScenario{p}, doctest::Contains("fewer items than the catalogue"), ConfigError);
  p.history = 10;
  p.target = TargetSource::choices;
  p.choices = {{.user = 3, .target = 5}};
  CHECK_THROWS_WITH_AS(GuidanceScenario{p}, doctest::Contains("own people"), ConfigError);
}

TEST_CASE("population files: what is written is read") {
  const PopulationRecipe recipe = read_population(R"(format = 1
name = "mix"
part = "all"

[[cohort]]
name = "a"
weight = 3
least_log = 5
most_log = 50

[[cohort]]
name = "b"
people = "new"
bandwidth = 0.5
least_per_day = 1.5
attribute = "Sci-Fi"
most_share = 0.25
)",
                                                  "mix.toml");
  CHECK(recipe.name == "mix");
  CHECK_FALSE(recipe.part.has_value());
  REQUIRE(recipe.cohorts.size() == 2);
  const Cohort& a = recipe.cohorts[0];
  CHECK(a.weight == 3.0);
  CHECK_FALSE(a.made_up);
  CHECK_FALSE(a.bandwidth.has_value());
  CHECK(a.least_log == 5);
  CHECK(a.most_log == 50);
  CHECK(a.line == 5);
  const Cohort& b = recipe.cohorts[1];
  CHECK(b.weight == 1.0);
  CHECK(b.made_up);
  CHECK(b.bandwidth == 0.5);
  CHECK(b.least_per_day == 1.5);
  CHECK(b.attribute == "Sci-Fi");
  CHECK(b.least_share == 0.0);
  CHECK(b.most_share == 0.25);
}

TEST_CASE("population files: what is wrong is named by line and key") {
  const std::string head = "format = 1\nname = \"x\"\n";
  const std::string cohort = head + "[[cohort]]\nname = \"a\"\n";
  const auto refused = [&](const std::string& text, const std::string& said) {
    CHECK_THROWS_WITH_AS(read_population(text, "x.toml"), doctest::Contains(said.c_str()), FormatError);
  };
  refused("format = [", "x.toml:1");
  refused("name = \"x\"\n", "x.toml: format");
  refused("format = 2\nname = \"x\"\n", "x.toml:1: format");
  refused(head + "part = \"some\"\n", "x.toml:3: part");
  refused(head + "colour = 1\n[[cohort]]\nname = \"a\"\n", "x.toml:3: colour");
  refused(head + "cohort = [1]\n", "x.toml:3: cohort");
  refused(head + "[[cohort]]\nweight = 1\n", "x.toml:3: name");
  refused(cohort + "weight = -1\n", "x.toml:5: weight");
  refused(cohort + "weight = nan\n", "x.toml:5: weight");
  refused(cohort + "weight = \"much\"\n", "x.toml:5: weight");
  refused(cohort + "people = \"real\"\n", "x.toml:5: people");
  refused(cohort + "bandwidth = 1.5\n", "x.toml:5: bandwidth");
  refused(cohort + "age = 5\n", "x.toml:5: age");

  const auto impossible = [&](const std::string& text, const std::string& said) {
    CHECK_THROWS_WITH_AS(read_population(text, "x.toml"), doctest::Contains(said.c_str()), ConfigError);
  };
  impossible(head, "x.toml: cohort");
  impossible(head + "[[cohort]]\nname = \"\"\n", "x.toml:3: cohort '': name");
  impossible(cohort + "weight = 0\n", "x.toml:3: cohort 'a': weight");
  impossible(cohort + "bandwidth = 0.5\n", "x.toml:3: cohort 'a': bandwidth");
  impossible(cohort + "least_log = 5\nmost_log = 4\n", "x.toml:3: cohort 'a': most_log");
  impossible(cohort + "least_per_day = 5\nmost_per_day = 4.5\n", "x.toml:3: cohort 'a': most_per_day");
  impossible(cohort + "least_share = 0.5\n", "x.toml:3: cohort 'a': attribute");
  impossible(cohort + "attribute = \"y\"\nmost_share = 1.5\n", "x.toml:3: cohort 'a': most_share");
  impossible(cohort + "[[cohort]]\nname = \"a\"\n", "x.toml:5: cohort 'a': name");
  CHECK_THROWS_AS(read_population_file("no/such/people.toml"), IoError);
  CHECK_THROWS_AS(read_population_file("/"), IoError);
}

}  // namespace veer

#include "simulators/long_run/long_run.h"

#include "tests/test.h"

#include <tbb/task_arena.h>

#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "env/error.h"
#include "simulators/synthetic/synthetic_log.h"

namespace veer::long_run {
namespace {

constexpr std::int32_t steps = 20;
constexpr std::int64_t history = 10;

/// Items 1 and 2 with attribute 0, item 3 with both, item 4 with none; popularity 1, 1, 2, 4.
Catalogue small_catalogue() {
  Catalogue catalogue;
  catalogue.ids = {"", "a", "b", "c", "d"};
  catalogue.titles = catalogue.ids;
  catalogue.attribute_names = {"x", "y"};
  catalogue.attribute_offsets = {0, 0, 1, 2, 4, 4};
  catalogue.attributes = {0, 0, 0, 1};
  catalogue.popularity = {0, 1, 1, 2, 4};
  return catalogue;
}

/// A data set in which the simulator is the truth: its own people, rolled forward from short real histories.
struct TrueWorld {
  Dataset data;
  std::shared_ptr<const SyntheticUser> truth;
  std::vector<UserId> people;
};

TrueWorld true_world(std::int32_t people, std::uint64_t seed = 1) {
  SyntheticLogParameters parameters;
  parameters.people = people;
  parameters.events = 20;
  parameters.world.items = 120;
  parameters.world.seed = seed;
  SyntheticLog log = generate_synthetic_log(parameters);
  TrueWorld world{std::move(log.dataset), log.truth, {}};
  const Interactions before = world.data.interactions;
  std::vector<Start> starts;
  for (UserId user = 0; user < before.users(); ++user) {
    world.people.push_back(user);
    starts.push_back({user, history});
  }
  const Continuations taken =
      roll_forward(*world.truth, before, starts, {.steps = steps, .seed = 1000 + seed, .rest = 6});
  Interactions& now = world.data.interactions;
  now.items.clear();
  now.times.clear();
  now.offsets = {0};
  for (UserId user = 0; user < before.users(); ++user) {
    const auto head = before.of(user).first(history);
    now.items.insert(now.items.end(), head.begin(), head.end());
    const auto tail = taken.view().row(user);
    now.items.insert(now.items.end(), tail.begin(), tail.end());
    now.offsets.push_back(static_cast<std::int64_t>(now.items.size()));
  }
  return world;
}

Options options_of(std::uint64_t seed = 5) {
  Options options;
  options.starts.cut = Cut::fixed;
  options.starts.items_before = history;
  options.starts.steps = steps;
  options.seed = seed;
  return options;
}

/// The people of a world with other parameters but the same items.
SyntheticUser changed(const SyntheticUser& truth, void (*change)(SyntheticParameters&)) {
  SyntheticParameters parameters = truth.world().parameters();
  change(parameters);
  const auto topics = truth.world().all_topics();
  const auto quality = truth.world().all_qualities();
  return SyntheticUser(std::make_shared<SyntheticWorld>(parameters,
                                                        std::vector<float>(topics.begin(), topics.end()),
                                                        std::vector<float>(quality.begin(), quality.end())));
}

}  // namespace

TEST_CASE("classes of items") {
  const ItemClasses classes(small_catalogue(), std::vector<double>{0, 1, 1, 2, 4});
  CHECK(classes.items() == 4);
  CHECK(classes.attributes() == 4);  // x, y, rare, none
  CHECK(std::vector(classes.attributes_of(1).begin(), classes.attributes_of(1).end()) == std::vector{0});
  CHECK(std::vector(classes.attributes_of(3).begin(), classes.attributes_of(3).end()) == std::vector{0, 1});
  CHECK(std::vector(classes.attributes_of(4).begin(), classes.attributes_of(4).end()) == std::vector{3});
  // Middles of the items' shares, from rare to popular: 1/16, 3/16, 6/16, 12/16 of 20 classes.
  CHECK(classes.popularity_of(1) == 1);
  CHECK(classes.popularity_of(2) == 3);
  CHECK(classes.popularity_of(3) == 7);
  CHECK(classes.popularity_of(4) == 15);
  const auto average = classes.average();
  CHECK(double{average[0]} == doctest::Approx(3.0 / 8));
  CHECK(double{average[1]} == doctest::Approx(1.0 / 8));
  CHECK(double{average[2]} == doctest::Approx(0.0));
  CHECK(double{average[3]} == doctest::Approx(4.0 / 8));
}

TEST_CASE("behaviour of two people, worked out by hand") {
  const ItemClasses classes(small_catalogue(), std::vector<double>{0, 1, 1, 2, 4});
  Interactions log;
  log.user_ids = {"p", "q"};
  log.items = {1, 2, 4, 4};
  log.offsets = {0, 2, 4};
  const std::vector<Start> starts = {{0, 2}, {1, 2}};
  const Continuations taken{4, {3, 1, 4, 4, 1, 2, 3, no_item}};
  const Behaviour behaviour(classes, log, starts, taken, 2);
  CHECK(behaviour.windows() == 2);
  CHECK(behaviour.lags() == 2);
  CHECK(behaviour.distinct(0, 1) == 2.0);  // items 3 and 1: x, y
  CHECK(behaviour.distinct(0, 2) == 1.0);  // item 4 twice: none
  CHECK(behaviour.distinct(1, 1) == 1.0);
  CHECK(behaviour.distinct(1, 2) == 2.0);
  CHECK(behaviour.repeats(0) ==
        doctest::Approx(0.5));  // item 1 was known; of item 4's two takings one is a repeat
  CHECK(behaviour.repeats(1) == doctest::Approx(0.0));
  CHECK(double{behaviour.profiles()(0, 0)} == doctest::Approx(1.5 / 4));
  CHECK(double{behaviour.profiles()(0, 1)} == doctest::Approx(0.5 / 4));
  CHECK(double{behaviour.profiles()(0, 3)} == doctest::Approx(2.0 / 4));
  // Person 0, minus the average (3/8, 1/8, 0, 4/8): windows (5/8, -1/8, 0, -4/8), (3/8, 1/8, 0, -4/8),
  // (-3/8, -1/8, 0, 4/8).
  const double w0 = std::sqrt(25.0 + 1 + 16);
  const double w1 = std::sqrt(9.0 + 1 + 16);
  CHECK(behaviour.similarity(0, 1) ==
        doctest::Approx(((15.0 - 1 + 16) / (w0 * w1) - 1.0) / 2.0).epsilon(1e-5));
  CHECK(behaviour.similarity(0, 2) == doctest::Approx((-15.0 + 1 - 16) / (w0 * w1)).epsilon(1e-5));
  CHECK(mean_distinct(behaviour, 1) == doctest::Approx(1.5));

  const std::vector<std::int32_t> first = {0};
  const std::vector<std::int32_t> second = {1};
  const std::vector<Measure> some = {Measure::popularity,  Measure::items,     Measure::attributes,
                                     Measure::transitions, Measure::diversity, Measure::repeats};
  const Distances apart = compare(behaviour, first, behaviour, second, some, 1.0);
  // Items 3, 1, 4, 4 against 1, 2, 3: shares (1/4, 0, 1/4, 1/2) and (1/3, 1/3, 1/3, 0).
  const std::vector<double> p = {0.25, 0.0, 0.25, 0.5};
  const std::vector<double> q = {1.0 / 3, 1.0 / 3, 1.0 / 3, 0.0};
  double divergence = 0.0;
  for (std::size_t i = 0; i < 4; ++i) {
    const double middle = (p[i] + q[i]) / 2;
    if (p[i] > 0) divergence += p[i] / 2 * std::log2(p[i] / middle);
    if (q[i] > 0) divergence += q[i] / 2 * std::log2(q[i] / middle);
  }
  CHECK(apart[index(Measure::items)] == doctest::Approx(std::sqrt(divergence)));
  CHECK(apart[index(Measure::popularity)] == doctest::Approx(std::sqrt(divergence)));  // classes of their own
  CHECK(apart[index(Measure::diversity)] == doctest::Approx(1.0));
  CHECK(apart[index(Measure::repeats)] == doctest::Approx(1.0));
  // From x x|x,x|y: person 0 goes 2>3 (x>x 1/2, x>y 1/2), 3>1 (x>x 1/2, y>x 1/2), 1>4 (x>none), 4>4;
  // person 1 goes 4>1 (none>x), 1>2 (x>x), 2>3 (x>x 1/2, x>y 1/2).
  const std::vector<double> from_p = {1.0, 0.5, 0.5, 1.0, 0.0, 1.0};  // xx xy yx xn nx nn
  const std::vector<double> from_q = {1.5, 0.5, 0.0, 0.0, 1.0, 0.0};
  double steps_apart = 0.0;
  for (std::size_t i = 0; i < 6; ++i) {
    const double a = from_p[i] / 4;
    const double b = from_q[i] / 3;
    if (a > 0) steps_apart += a / 2 * std::log2(2 * a / (a + b));
    if (b > 0) steps_apart += b / 2 * std::log2(2 * b / (a + b));
  }
  CHECK(apart[index(Measure::transitions)] == doctest::Approx(std::sqrt(steps_apart)));
  for (const double distance : compare(behaviour, first, behaviour, first, some, 1.0)) CHECK(distance < 1e-7);
}

TEST_CASE("letters and their rule") {
  CHECK(letter_of(0.2) == 'A');
  CHECK(letter_of(1.25) == 'A');
  CHECK(letter_of(1.26) == 'B');
  CHECK(letter_of(2.0) == 'B');
  CHECK(letter_of(4.0) == 'C');
  CHECK(letter_of(8.0) == 'D');
  CHECK(letter_of(8.1) == 'F');
  CHECK(letter_of(std::numeric_limits<double>::infinity()) == 'F');
  CHECK(letter_of(std::numeric_limits<double>::quiet_NaN()) == 'F');

  using Ratios = std::vector<std::pair<std::string_view, double>>;
  const Grade even = grade_of(Ratios{{"a", 2.0}, {"b", 4.5}});
  CHECK(even.score == doctest::Approx(3.0));
  CHECK(even.letter == 'C');
  CHECK(even.worst == "b");
  CHECK(even.text() ==
        "C: simulated people are 3.0 times as far from real people as these are from each other (furthest: "
        "b, 4.5 "
        "times)");
  CHECK(grade_of(Ratios{{"a", 0.1}, {"b", 1.5}}).score ==
        doctest::Approx(std::sqrt(1.5)));  // 0.1 counts as 1
  // One bad distance among good ones: B by the mean, but the worst is an F.
  const Grade hidden = grade_of(Ratios{{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}, {"e", 1}, {"f", 9}});
  CHECK(hidden.score < 2.0);
  CHECK(hidden.letter == 'D');
  CHECK(grade_of(Ratios{}).letter == 'F');

  Grade read;
  CHECK_FALSE(grade_from_metrics({{"auc", 0.5}}, read));
  CHECK(grade_from_metrics({{"long_run_ratio", 1.4}, {"long_run_worst_ratio", 9.0}}, read));
  CHECK(read.letter == 'D');
}

TEST_CASE("a simulator that is the truth is as close to real people as they are to each other") {
  const TrueWorld world = true_world(400);
  const Report report = measure(*world.truth, world.data, world.people, options_of());
  CHECK(report.people == 400);
  CHECK(report.left_out == 0);
  CHECK(report.chooses_for_itself);
  CHECK(report.rest >= 6);
  CHECK(report.rows.size() == measure_count);
  for (const Row& row : report.rows) {
    INFO(info(row.measure).name << ": " << row.simulated << " against " << row.real);
    CHECK(row.real > 0.0);
    CHECK(row.ratio < 1.35);
    if (row.measure != Measure::profiles) CHECK(row.ratio > 0.75);
  }
  CHECK(report.grade.letter == 'A');
  CHECK(report.popularity_grade.letter > 'B');
  REQUIRE(report.diversity.real.size() == 4);
  REQUIRE(report.autocorrelation.real.size() == 4);
  for (std::size_t w = 0; w < 4; ++w) {
    CHECK(report.diversity.simulated[w] == doctest::Approx(report.diversity.real[w]).epsilon(0.1));
  }
  CHECK(report.acceptance.auc > 0.7);
  const auto metrics = report.to_metrics();
  CHECK(metrics.at("long_run_ratio") == report.grade.score);
  CHECK(metrics.at("long_run_attributes") == report.rows[2].ratio);
}

TEST_CASE("wrong simulators are found out, each where it is wrong") {
  const TrueWorld world = true_world(400);
  const auto rows_of = [&](const UserModel& model, Grade& grade) {
    const Report report = measure(model, world.data, world.people, options_of());
    grade = report.grade;
    std::array<double, measure_count> ratios{};
    for (const Row& row : report.rows) ratios[index(row.measure)] = row.ratio;
    return ratios;
  };
  Grade grade;
  SUBCASE("people of another world: everything is wrong") {
    const TrueWorld other = true_world(400, 2);
    const auto ratios = rows_of(*other.truth, grade);
    CHECK(ratios[index(Measure::items)] > 1.5);
    CHECK(ratios[index(Measure::popularity)] > 3.0);
    CHECK(ratios[index(Measure::autocorrelation)] > 1.5);
    CHECK(grade.letter >= 'C');
  }
  SUBCASE("people without a taste of their own: what is popular is nearly right, taste is not") {
    const SyntheticUser flat = changed(*world.truth, [](SyntheticParameters& p) { p.scale = 0.0F; });
    const auto ratios = rows_of(flat, grade);
    CHECK(ratios[index(Measure::autocorrelation)] > 4.0);
    CHECK(ratios[index(Measure::profiles)] > 2.0);
    CHECK(ratios[index(Measure::diversity)] > 2.0);
    CHECK(grade.letter >= 'C');
  }
  SUBCASE("people who never tire stay where they are") {
    const SyntheticUser tireless =
        changed(*world.truth, [](SyntheticParameters& p) { p.rates.boredom_growth = 0.0F; });
    const auto ratios = rows_of(tireless, grade);
    CHECK(ratios[index(Measure::diversity)] > 1.5);
    CHECK(grade.letter >= 'B');
  }
}

TEST_CASE("same report for any number of threads; another for another seed") {
  const TrueWorld world = true_world(120);
  const Report one = measure(*world.truth, world.data, world.people, options_of(5));
  Report again;
  tbb::task_arena(3).execute([&] { again = measure(*world.truth, world.data, world.people, options_of(5)); });
  const Report other = measure(*world.truth, world.data, world.people, options_of(6));
  REQUIRE(one.rows.size() == again.rows.size());
  for (std::size_t i = 0; i < one.rows.size(); ++i) {
    CHECK(one.rows[i].simulated == again.rows[i].simulated);
    CHECK(one.rows[i].real == again.rows[i].real);
    CHECK(one.rows[i].by_popularity == again.rows[i].by_popularity);
    CHECK(one.rows[i].simulated != other.rows[i].simulated);
  }
  CHECK(one.acceptance.auc == again.acceptance.auc);
}

TEST_CASE("made-up logs against real ones of other people") {
  const TrueWorld world = true_world(400);
  Interactions real;
  Interactions others;
  Interactions wrong;
  for (Interactions* log : {&real, &others, &wrong}) log->offsets = {0};
  for (UserId user = 0; user < 400; ++user) {
    for (const ItemId item : world.data.interactions.of(user)) {
      (user % 2 == 0 ? real : others).items.push_back(item);
      if (user % 2 != 0) wrong.items.push_back(1 + item * 37 % world.data.catalogue.size());
    }
    Interactions& log = user % 2 == 0 ? real : others;
    log.offsets.push_back(log.size());
    if (user % 2 != 0) wrong.offsets.push_back(wrong.size());
  }
  const Report same = compare_logs(world.data, real, others, options_of());
  CHECK(same.people == 200);
  CHECK(same.grade.letter == 'A');
  CHECK(compare_logs(world.data, real, wrong, options_of()).grade.letter >= 'C');
  others.offsets.resize(11);
  CHECK_THROWS_AS(compare_logs(world.data, real, others, options_of()), DataError);
}

TEST_CASE("what a log does not have is not compared, and said") {
  TrueWorld world = true_world(60);
  Interactions& log = world.data.interactions;
  // Nobody takes anything twice, and nothing has attributes.
  for (std::size_t i = 0; i < log.items.size(); ++i)
    log.items[i] = static_cast<ItemId>(1 + i % 30 * 4 + i / 30 % 4);
  Catalogue& catalogue = world.data.catalogue;
  catalogue.attributes.clear();
  catalogue.attribute_offsets.assign(catalogue.ids.size() + 1, 0);
  REQUIRE(rest_between_repeats(log) == never_again);
  const Report report = measure(*world.truth, world.data, world.people, options_of());
  CHECK(report.rest == never_again);
  CHECK(report.rows.size() == 2);
  CHECK(report.not_compared.size() == 3);
  CHECK(report.not_compared[0].find("no attributes") != std::string::npos);
  CHECK(report.not_compared[1].find("takes an item twice") != std::string::npos);
  CHECK(report.diversity.real.empty());
}

TEST_CASE("options and people that make no comparison are refused in words") {
  const TrueWorld world = true_world(40);
  Options options = options_of();
  const auto run = [&] { return measure(*world.truth, world.data, world.people, options); };
  options.starts.steps = 21;
  CHECK_THROWS_WITH_AS(run(), doctest::Contains("0 of 40"), DataError);
  options = options_of();
  options.window = 21;
  CHECK_THROWS_AS(run(), ConfigError);
  options = options_of();
  options.halvings = 1;
  CHECK_THROWS_AS(run(), ConfigError);
  options = options_of();
  options.starts.steps = 0;
  CHECK_THROWS_AS(run(), ConfigError);
  SyntheticParameters other;
  other.items = 7;
  const SyntheticUser stranger(std::make_shared<SyntheticWorld>(other));
  CHECK_THROWS_WITH_AS(measure(stranger, world.data, world.people, options_of()), doctest::Contains("items"),
                       ConfigError);
}

}  // namespace veer::long_run

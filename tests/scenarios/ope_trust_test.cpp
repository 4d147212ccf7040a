// Studies of how estimates pick policies, and the discrete process they are made on.
#include <cmath>
#include <limits>
#include <vector>

#include "env/error.h"
#include "scenarios/ope/sequential.h"
#include "scenarios/ope/tabular_process.h"
#include "scenarios/ope/trust_study.h"
#include "tests/test.h"

using namespace veer;
using namespace veer::ope;
using doctest::Approx;

TEST_CASE("a study: figures by hand, estimators that say nothing rank last") {
  const std::vector<double> truth{1.0, 2.0, 4.0};
  const double none = std::numeric_limits<double>::quiet_NaN();
  const std::vector<StudyLog> logs{
      {"random",
       100,
       1,
       {{"right", {10.0, 20.0, 30.0}}, {"wrong", {3.0, 2.0, 1.0}}, {"mute", {1.0, 2.0, none}}}},
      {"random",
       100,
       2,
       {{"right", {1.0, 2.0, 4.0}}, {"wrong", {1.0, 2.0, 4.0}}, {"mute", {1.0, 2.0, none}}}}};
  const std::vector<StudyRow> rows = study_table(truth, 0, logs, {.k = 2, .replicates = 200});
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].estimator == "right");
  CHECK(rows[0].logs == 2);
  CHECK(rows[0].kendall.mean == Approx(1.0));
  CHECK(rows[0].kendall.low == Approx(1.0));
  CHECK(rows[0].regret1.mean == 0.0);
  // Best 4, behaviour 1; the two picked are 4 and 2, whose population deviation is 1.
  CHECK(rows[0].sharpe_k.mean == Approx(3.0));
  CHECK(rows[0].error == Approx(std::sqrt((81.0 + 324.0 + 676.0) / 6.0)));
  // One log upside down, one right.
  CHECK(rows[1].kendall.mean == Approx(0.0));
  CHECK(rows[1].regret1.mean == Approx(0.5 * (4.0 - 1.0) / 4.0));
  CHECK(rows[1].regret_k.mean == Approx(0.5 * (4.0 - 2.0) / 4.0));
  CHECK(rows[1].kendall.low <= rows[1].kendall.mean);
  CHECK(rows[2].said == Approx(2.0 / 3.0));
  CHECK(rows[2].error == 0.0);
  CHECK(rows[2].regret1.mean == Approx(0.5));
  CHECK(rows[2].kendall.mean == Approx(-1.0 / 3.0));  // one pair right, two wrong
  CHECK_THROWS_AS(study_table(truth, 0, logs, {.k = 4}), ConfigError);
  const std::vector<StudyLog> short_one{{"random", 100, 1, {{"right", {1.0}}}}};
  CHECK_THROWS_AS(study_table(truth, 0, short_one, {.k = 2}), DataError);
}

TEST_CASE("the discrete process: values, policies and logs") {
  const TabularProcess process(6, 3, 0.9, 8, 4);
  const TabularPolicy good = process.softmax(0.05), bad = process.softmax(-0.05);
  const TabularPolicy even = process.softmax(1.0, 1.0);
  CHECK(even[4] == Approx(1.0 / 3.0));
  CHECK(process.value(good) > process.value(even) + 0.5);
  CHECK(process.value(bad) < process.value(even) - 0.5);
  CHECK(TabularProcess::mixture({1.0, 0.0}, {0.0, 1.0}, 0.25) == TabularPolicy{0.75, 0.25});
  TabularSample sample = process.sample(even, good, 40'000, 9);
  check(sample.log);
  check(sample.table, sample.log);
  CHECK(sample.log.longest() == 8);
  Summariser summariser({.interval = Interval::normal});
  const Estimate acted = behaviour_value(sample.log, summariser);
  CHECK(std::abs(acted.value - process.value(even)) < 4.0 * acted.standard_error);
  const Estimate asked = marginalised(sample.log, sample.table, summariser);
  CHECK(asked.value == Approx(process.value(good)).epsilon(0.05));
}

#include "simulators/fidelity.h"

#include "tests/simulators/small_log.h"
#include "tests/test.h"

#include <tbb/task_arena.h>

#include <cmath>
#include <limits>
#include <vector>

#include "env/error.h"
#include "env/random.h"

namespace veer {
namespace {

using test::log_of;

/// Scores by a function of (last item of the history, item).
class FunctionScorer final : public NextItemScorer {
 public:
  using Function = float (*)(ItemId last, ItemId item);
  FunctionScorer(std::int32_t items, Function function) : items_(items), function_(function) {}
  std::int32_t items() const noexcept override { return items_; }
  std::int32_t positions() const noexcept override { return 3; }
  void score(View<const ItemId> history, std::span<const std::int32_t> size, View<float> out) const override {
    for (std::int32_t row = 0; row < history.rows(); ++row) {
      const std::int32_t kept = size[static_cast<std::size_t>(row)];
      const ItemId last = kept > 0 ? history(row, kept - 1) : no_item;
      out(row, 0) = -std::numeric_limits<float>::infinity();
      for (ItemId item = 1; item <= items_; ++item) out(row, item) = function_(last, item);
    }
  }

 private:
  std::int32_t items_;
  Function function_;
};

/// People whose logs are random walks over 200 items.
Interactions random_log(std::size_t people, std::int32_t items) {
  std::vector<std::vector<ItemId>> logs(people);
  for (std::size_t p = 0; p < people; ++p) {
    for (std::uint32_t t = 0; t < 8; ++t) {
      logs[p].push_back(static_cast<ItemId>(
          1 + uniform_below(static_cast<std::uint32_t>(items), {1, p, t}, Stream::generate)));
    }
  }
  return log_of(logs);
}

}  // namespace

TEST_CASE("ranking accuracy, likelihood and coverage of a case worked by hand") {
  // Scores fall with the item's number, so item i has rank i.
  const FunctionScorer scorer(30, [](ItemId, ItemId item) { return -static_cast<float>(item); });
  const Interactions log = log_of({{9, 8, 1}, {9, 8, 4}, {9, 8, 7}, {9, 8, 30}});
  const std::vector<NextItemCase> cases = leave_one_out_cases(log, 0);
  REQUIRE(cases.size() == 4);
  CHECK(cases[2].user == 2);
  CHECK(cases[2].position == 2);

  const Fidelity f = measure_fidelity(log, cases, scorer);
  CHECK(f.cases == 4);
  CHECK(f.at(5).recall == doctest::Approx(2.0 / 4.0));
  CHECK(f.at(10).recall == doctest::Approx(3.0 / 4.0));
  CHECK(f.at(20).recall == doctest::Approx(3.0 / 4.0));
  CHECK(f.at(5).mrr == doctest::Approx((1.0 + 1.0 / 4.0) / 4.0));
  CHECK(f.at(10).mrr == doctest::Approx((1.0 + 1.0 / 4.0 + 1.0 / 7.0) / 4.0));
  CHECK(f.at(10).ndcg == doctest::Approx((1.0 + 1.0 / std::log2(5.0) + 1.0 / 3.0) / 4.0));
  CHECK(f.mean_rank == doctest::Approx((1.0 + 4.0 + 7.0 + 30.0) / 4.0));
  CHECK(f.coverage == doctest::Approx(10.0 / 30.0));
  const double log_sum = std::log((std::exp(-1.0) - std::exp(-31.0)) / (1.0 - std::exp(-1.0)));
  CHECK(f.negative_log_likelihood == doctest::Approx(log_sum + (1.0 + 4.0 + 7.0 + 30.0) / 4.0).epsilon(1e-6));
  CHECK(f.to_metrics().at("mrr@10") == f.at(10).mrr);
  CHECK_THROWS_AS(f.at(7), ConfigError);
}

TEST_CASE("a constant scorer earns what its item numbers earn, and knows nothing") {
  const FunctionScorer scorer(100, [](ItemId, ItemId) { return 0.0F; });
  const Interactions log = random_log(400, 100);
  const Fidelity f = measure_fidelity(log, leave_one_out_cases(log, 0), scorer);
  CHECK(f.negative_log_likelihood == doctest::Approx(std::log(100.0)));
  CHECK(f.at(10).recall == doctest::Approx(0.1).epsilon(0.4));
  CHECK(f.calibration.auc == doctest::Approx(0.5));
  CHECK(f.calibration.bins[5].count == 800);
  CHECK(f.calibration.expected_error == doctest::Approx(0.0));
}

TEST_CASE("histories are the items before the case, the last ones when there are many") {
  // The next item of i is i + 1, and the scorer knows it.
  const FunctionScorer scorer(50, [](ItemId last, ItemId item) { return item == last + 1 ? 30.0F : 0.0F; });
  const Interactions log = log_of({{1, 2, 3, 4, 5, 6, 7}, {20, 21, 22}, {40, 41}});
  for (const std::int32_t from_end : {0, 1}) {
    const auto cases = leave_one_out_cases(log, from_end);
    CHECK(cases.size() == 2);  // two interactions are too few
    const Fidelity f = measure_fidelity(log, cases, scorer);
    CHECK(f.at(5).mrr == doctest::Approx(1.0));
    CHECK(f.negative_log_likelihood < 1e-6);
    CHECK(f.calibration.auc == doctest::Approx(1.0));
    CHECK(f.calibration.mean_accepted == doctest::Approx(1.0));
    CHECK(f.calibration.mean_sampled == doctest::Approx(0.5));
    CHECK(f.calibration.expected_error ==
          doctest::Approx(0.25));  // half of the pairs said 0.5 and were never a yes
  }
}

TEST_CASE("the sampled items are unseen, one per case, and change with the seed only") {
  // Acceptance tells items apart: even items 0.95, odd items 0.05. The person has seen every even one.
  const FunctionScorer scorer(40, [](ItemId, ItemId item) { return item % 2 == 0 ? 3.0F : -3.0F; });
  std::vector<ItemId> even;
  for (ItemId item = 2; item <= 40; item += 2) even.push_back(item);
  const Interactions log = log_of({even, even, even});
  const Fidelity f = measure_fidelity(log, leave_one_out_cases(log, 0), scorer);
  CHECK(f.calibration.mean_accepted == doctest::Approx(1.0 / (1.0 + std::exp(-3.0))));
  CHECK(f.calibration.mean_sampled == doctest::Approx(1.0 / (1.0 + std::exp(3.0))));
  CHECK(f.calibration.bins[9].count == 3);
  CHECK(f.calibration.bins[0].count == 3);

  std::vector<ItemId> all(40);
  for (ItemId item = 1; item <= 40; ++item) all[static_cast<std::size_t>(item) - 1] = item;
  const Interactions nothing_left = log_of({all});
  const Fidelity g = measure_fidelity(nothing_left, leave_one_out_cases(nothing_left, 0), scorer);
  CHECK(g.calibration.bins[9].count + g.calibration.bins[0].count == 1);
  CHECK(g.calibration.auc == 0.5);
}

TEST_CASE("fidelity is the same for any number of threads") {
  const FunctionScorer scorer(
      200, [](ItemId last, ItemId item) { return static_cast<float>((last * 37 + item * 11) % 97) / 30.0F; });
  const Interactions log = random_log(700, 200);
  const auto cases = leave_one_out_cases(log, 1);
  const auto at = [&](int threads) {
    Fidelity f;
    tbb::task_arena arena(threads);
    arena.execute([&] { f = measure_fidelity(log, cases, scorer, {.seed = 3, .shard_cases = 16}); });
    return f.to_metrics();
  };
  CHECK(at(1) == at(2));
  CHECK(at(1) == at(3));
}

TEST_CASE("last items of a part's people") {
  Dataset data;
  data.interactions = log_of({{1, 2, 3, 4}, {5, 6}, {7}, {8, 9, 10}});
  data.parts = {Part::test, Part::test, Part::test, Part::validation};
  const auto cases = last_item_cases(data, Part::test, 2);
  REQUIRE(cases.size() == 3);
  CHECK(cases[0].position == 2);
  CHECK(cases[1].position == 3);
  CHECK(cases[2].user == 1);
  CHECK(cases[2].position == 1);
  CHECK(last_item_cases(data, Part::train_plan, 2).empty());
}

TEST_CASE("nothing to measure and scores that are no numbers are errors") {
  const Interactions log = random_log(4, 20);
  const FunctionScorer fine(20, [](ItemId, ItemId) { return 0.0F; });
  CHECK_THROWS_AS(measure_fidelity(log, {}, fine), ConfigError);
  const FunctionScorer broken(
      20, [](ItemId, ItemId item) { return item == 7 ? std::numeric_limits<float>::quiet_NaN() : 0.0F; });
  CHECK_THROWS_WITH_AS(measure_fidelity(log, leave_one_out_cases(log, 0), broken),
                       doctest::Contains("item 7"), DataError);
}

}  // namespace veer

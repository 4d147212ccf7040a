#include "scenarios/slate/churn.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "env/error.h"
#include "env/random.h"
#include "tests/test.h"

namespace veer {
namespace {

ItemFeatures churned_items(std::int32_t count) {
  ItemFeatures out{3, std::vector<float>(at(count + 1) * 3)};
  fill_normal({2, 5, 0}, Stream::generate, out.values);
  for (std::size_t i = 0; i < out.values.size(); ++i)
    out.values[i] = out.values[i] * static_cast<float>(1 + i % 3) + 4.0F;
  std::fill_n(out.values.begin(), 3, 0.0F);
  return out;
}

}  // namespace

TEST_CASE("a part of the catalogue is replaced by items of the same kind") {
  const ItemFeatures items = churned_items(2000);
  const CatalogueChurn churn = churn_catalogue(items, 0.45, 7);
  REQUIRE(churn.gone.size() == 900);
  REQUIRE(churn.added.size() == 900);
  CHECK(std::ranges::is_sorted(churn.gone));
  CHECK(std::ranges::adjacent_find(churn.gone) == churn.gone.end());
  CHECK(churn.gone.front() >= 1);
  CHECK(churn.gone.back() <= 2000);
  CHECK(churn.added.front() == 2001);
  CHECK(churn.added.back() == 2900);
  REQUIRE(churn.features.items() == 2900);
  CHECK(std::equal(items.values.begin(), items.values.end(), churn.features.values.begin()));
  // Mean 4 and deviation 1, 2, 3 by column, within five standard errors of 900 draws.
  for (std::size_t c = 0; c < 3; ++c) {
    double mean = 0.0, squares = 0.0;
    for (const ItemId item : churn.added) mean += double{churn.features.of(item)[c]} / 900.0;
    for (const ItemId item : churn.added)
      squares += std::pow(double{churn.features.of(item)[c]} - mean, 2) / 900.0;
    const double deviation = 1.0 + static_cast<double>(c);
    CHECK(std::abs(mean - 4.0) < 5.0 * deviation / 30.0);
    CHECK(std::abs(std::sqrt(squares) / deviation - 1.0) < 0.15);
  }
  CHECK(churn_catalogue(items, 0.45, 7).features.values == churn.features.values);
  CHECK(churn_catalogue(items, 0.45, 8).gone != churn.gone);
  CHECK(churn_catalogue(items, 0.0, 7).gone.empty());
  CHECK_THROWS_AS(churn_catalogue(items, 0.95, 7), ConfigError);
  CHECK_THROWS_AS(churn_catalogue(items, -0.1, 7), ConfigError);
  CHECK_THROWS_AS(churn_catalogue(churned_items(1), 0.1, 7), ConfigError);
}

TEST_CASE("what is kept is a ratio of means, its interval is over people") {
  const std::vector<double> before{1.0, 3.0, 2.0, 2.0};
  const std::vector<UserId> people{1, 1, 2, 3};
  // Everybody keeps three quarters: the interval has no width.
  const std::vector<double> less{0.75, 2.25, 1.5, 1.5};
  const KeptShare even = kept_share(before, less, people, 1);
  CHECK(even.kept == doctest::Approx(0.75));
  CHECK(even.low == doctest::Approx(0.75));
  CHECK(even.high == doctest::Approx(0.75));
  // One person keeps all, the others nothing: (4 + 0 + 0) / 8, and anything between nobody and only them.
  const KeptShare uneven = kept_share(before, std::vector<double>{1.0, 3.0, 0.0, 0.0}, people, 1);
  CHECK(uneven.kept == doctest::Approx(0.5));
  CHECK(uneven.low == doctest::Approx(0.0));
  CHECK(uneven.high == doctest::Approx(1.0));
  CHECK_THROWS_AS(kept_share(before, std::vector<double>{1.0}, people, 1), ConfigError);
  CHECK_THROWS_AS(kept_share(std::vector<double>(4, 0.0), less, people, 1), ConfigError);
}

}  // namespace veer

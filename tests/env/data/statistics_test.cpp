#include "env/data/statistics.h"

#include "tests/env/data/data_sets.h"

using namespace veer;
using namespace veer::testing;

TEST_CASE("statistics: by hand") {
  const DatasetStatistics figures = statistics_of(small_movielens());
  CHECK(figures.users == 2);
  CHECK(figures.items == 3);
  CHECK(figures.interactions == 5);
  CHECK(figures.attributes == 3);
  CHECK(figures.attributes_per_item == doctest::Approx(4.0 / 3));
  CHECK(figures.density == doctest::Approx(5.0 / 6));
  CHECK(figures.repeats == 0);
  CHECK(figures.shortest == 2);
  CHECK(figures.longest == 3);
  CHECK(figures.median_length == 2.5);
  CHECK(figures.mean_length == 2.5);
  CHECK(figures.median_popularity == 2);
  CHECK(figures.top_tenth_share == doctest::Approx(0.4));
  // Popularities 1, 2, 2: mean absolute difference 4/9, over twice the mean 10/3.
  CHECK(figures.gini == doctest::Approx((4.0 / 9) / (10.0 / 3)));
  CHECK(figures.has_times);
  CHECK(figures.first_time == 7);
  CHECK(figures.last_time == 100);
  CHECK(figures.same_second_share == doctest::Approx(0.2));
  CHECK(figures.has_ratings);
  CHECK(figures.mean_rating == 3);
  CHECK(figures.users_of_part == std::array<std::int64_t, 4>{1, 1, 0, 0});
}

TEST_CASE("statistics: repeats, and sources without times and ratings") {
  ImportOptions options;
  options.duplicates = Duplicates::keep_all;
  const Dataset data =
      import_texts("csv", {{"l.csv", "user,item\n1,7\n1,8\n1,7\n1,7\n2,8\n"}}, "l.csv", options);
  const DatasetStatistics figures = statistics_of(data);
  CHECK(figures.repeats == 2);
  CHECK(figures.density == doctest::Approx(0.75));
  CHECK_FALSE(figures.has_times);
  CHECK_FALSE(figures.has_ratings);
  CHECK(figures.attributes == 0);
}

TEST_CASE("statistics: an empty data set has no figures, and no division by zero") {
  Dataset empty;
  empty.catalogue.ids = {""};
  empty.interactions.offsets = {0};
  const DatasetStatistics figures = statistics_of(empty);
  CHECK(figures.users == 0);
  CHECK(figures.items == 0);
  CHECK(figures.density == 0);
  CHECK(figures.mean_length == 0);
}

TEST_CASE("statistics: interactions of every kind") {
  ImportOptions options;
  options.purchase_rating = 4;
  CHECK(statistics_of(small_movielens(options)).interactions_of_behaviour == std::vector<std::int64_t>{3, 2});
  CHECK(statistics_of(small_movielens()).interactions_of_behaviour.empty());
}

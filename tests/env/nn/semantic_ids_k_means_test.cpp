// k-means against the optimum by enumeration, and balanced assignment against all assignments.
#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "env/error.h"
#include "env/nn/semantic_ids/balanced_assignment.h"
#include "env/nn/semantic_ids/centre_blocks.h"
#include "env/nn/semantic_ids/k_means.h"
#include "env/random.h"
#include "env/runtime.h"
#include "tests/env/nn/clouds.h"
#include "tests/test.h"

using namespace veer;
using namespace veer::nn;

namespace {

/// Sum of squared distances of the points to the means of their groups.
double scatter(const Cloud& points, const std::vector<std::int32_t>& label, std::int32_t groups) {
  double sum = 0.0;
  for (std::int32_t g = 0; g < groups; ++g) {
    std::vector<double> mean(at(points.width));
    double count = 0.0;
    for (std::int32_t p = 0; p < points.points; ++p) {
      if (label[at(p)] != g) continue;
      ++count;
      for (std::int32_t j = 0; j < points.width; ++j) mean[at(j)] += points.view()(p, j);
    }
    for (std::int32_t p = 0; p < points.points; ++p) {
      if (label[at(p)] != g) continue;
      for (std::int32_t j = 0; j < points.width; ++j) {
        const double difference = points.view()(p, j) - mean[at(j)] / count;
        sum += difference * difference;
      }
    }
  }
  return sum;
}

/// body(label) for every assignment of n points to k groups of at most `capacity`.
template <class Body>
void for_assignments(std::int32_t n, std::int32_t k, std::int32_t capacity, const Body& body) {
  std::vector<std::int32_t> label(at(n)), size(at(k));
  const auto place = [&](const auto& self, std::int32_t p) -> void {
    if (p == n) return body(label);
    for (std::int32_t g = 0; g < k; ++g) {
      if (size[at(g)] == capacity) continue;
      ++size[at(g)];
      label[at(p)] = g;
      self(self, p + 1);
      --size[at(g)];
    }
  };
  place(place, 0);
}

double best_scatter(const Cloud& points, std::int32_t k, std::int32_t capacity) {
  double best = std::numeric_limits<double>::infinity();
  for_assignments(points.points, k, capacity, [&](const std::vector<std::int32_t>& label) {
    best = std::min(best, scatter(points, label, k));
  });
  return best;
}

std::vector<std::int32_t> sizes(const std::vector<std::int32_t>& label, std::int32_t groups) {
  std::vector<std::int32_t> size(at(groups));
  for (const std::int32_t g : label) ++size[at(g)];
  return size;
}

View<const float> centres_of(const KMeansResult& result, std::int32_t width) {
  return {result.centres.data(), result.used, width};
}

/// Labels are the nearest centres, centres the means of their points, the distortion their sum.
void check_fixed_point(const Cloud& points, const KMeansResult& result, bool balanced) {
  REQUIRE(result.converged);
  REQUIRE(at(result.used) * at(points.width) == result.centres.size());
  double sum = 0.0;
  for (std::int32_t p = 0; p < points.points; ++p) {
    const double own =
        squared(points.view().row(p), centres_of(result, points.width).row(result.label[at(p)]));
    sum += own;
    for (std::int32_t c = 0; c < result.used && !balanced; ++c) {
      REQUIRE(squared(points.view().row(p), centres_of(result, points.width).row(c)) >= own * (1.0 - 1e-5));
    }
  }
  CHECK(result.distortion == doctest::Approx(sum));
  CHECK(result.distortion == doctest::Approx(scatter(points, result.label, result.used)));
  for (const std::int32_t size : sizes(result.label, result.used)) CHECK(size > 0);
}

}  // namespace

TEST_CASE("distances of blocks are the plain ones, lowest centre on ties") {
  for (const std::int32_t centres : {1, 15, 16, 17, 63, 64, 65, 200}) {
    for (const std::int32_t width : {1, 3, 64}) {
      const Cloud book = cloud(centres, width, 4), point = cloud(1, width, 5);
      const CentreBlocks blocks(book.view());
      std::vector<float> distances(at(blocks.padded()));
      const auto nearest = blocks.nearest(point.values.data(), distances.data());
      for (std::int32_t c = 0; c < centres; ++c) {
        REQUIRE(distances[at(c)] == doctest::Approx(squared(point.values, book.view().row(c))).epsilon(1e-4));
      }
      const auto least = std::min_element(distances.begin(), distances.begin() + centres);
      CHECK(nearest.centre == least - distances.begin());
      CHECK(nearest.distance == *least);
    }
  }
  const Cloud same{40, 2, std::vector<float>(80, 1.5F)};
  std::vector<float> scratch(48);
  CHECK(CentreBlocks(same.view()).nearest(same.values.data(), scratch.data()).centre == 0);
}

TEST_CASE("k-means finds the best partition of tiny sets") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    for (const std::int32_t k : {1, 2, 3}) {
      CAPTURE(seed);
      CAPTURE(k);
      const Cloud points = cloud(9, 2, seed, 3);
      KMeansOptions options;
      options.clusters = k;
      options.restarts = 20;
      options.seed = seed;
      const KMeansResult result = k_means(points.view(), options);
      check_fixed_point(points, result, false);
      CHECK(result.used == k);
      CHECK(result.distortion == doctest::Approx(best_scatter(points, k, points.points)).epsilon(1e-5));
    }
  }
}

TEST_CASE("balanced k-means finds the best balanced partition of tiny sets") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    for (const std::int32_t k : {2, 3, 4}) {
      CAPTURE(seed);
      CAPTURE(k);
      const Cloud points = cloud(8, 2, seed, 3);
      KMeansOptions options;
      options.clusters = k;
      options.restarts = 30;
      options.balanced = true;
      options.seed = seed;
      const KMeansResult result = k_means(points.view(), options);
      check_fixed_point(points, result, true);
      const std::int32_t capacity = (points.points + k - 1) / k;
      for (const std::int32_t size : sizes(result.label, result.used)) CHECK(size <= capacity);
      CHECK(result.distortion == doctest::Approx(best_scatter(points, k, capacity)).epsilon(1e-5));
    }
  }
}

TEST_CASE("a balanced assignment costs no more than any other") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    const std::int32_t n = 7, k = seed % 2 == 0 ? 3 : 4, capacity = seed % 3 == 0 ? 3 : (n + k - 1) / k;
    std::vector<float> cost(at(n) * at(k));
    for (std::size_t i = 0; i < cost.size(); ++i) {
      // Few different values, so that ties are common; some negative.
      const auto draw = uniform_below(seed % 5 == 0 ? 4 : 1000, {seed, 0, 0}, Stream::generate,
                                      static_cast<std::uint32_t>(i));
      cost[i] = static_cast<float>(draw) / 10.0F - 20.0F;
    }
    const View<const float> costs(cost.data(), n, k);
    const BalancedAssignment found = assign_balanced(costs, capacity);
    double best = std::numeric_limits<double>::infinity(), own = 0.0;
    for_assignments(n, k, capacity, [&](const std::vector<std::int32_t>& label) {
      double sum = 0.0;
      for (std::int32_t p = 0; p < n; ++p) sum += costs(p, label[at(p)]);
      best = std::min(best, sum);
    });
    for (std::int32_t p = 0; p < n; ++p) own += costs(p, found.label[at(p)]);
    CHECK(own == doctest::Approx(best));
    CHECK(found.cost == doctest::Approx(own));
    for (const std::int32_t size : sizes(found.label, k)) CHECK(size <= capacity);
  }
}

TEST_CASE("prices prove that a larger balanced assignment is the cheapest") {
  for (const std::int32_t k : {1, 7, 40, 300}) {
    const std::int32_t n = 300, capacity = (n + k - 1) / k;
    CAPTURE(k);
    const Cloud points = cloud(n, 5, 8), book = cloud(k, 5, 9, 2);
    std::vector<float> cost;
    for (std::int32_t p = 0; p < n; ++p) {
      for (std::int32_t c = 0; c < k; ++c) {
        cost.push_back(static_cast<float>(squared(points.view().row(p), book.view().row(c))));
      }
    }
    const View<const float> costs(cost.data(), n, k);
    const BalancedAssignment found = assign_balanced(costs, capacity);
    const auto size = sizes(found.label, k);
    for (std::int32_t c = 0; c < k; ++c) {
      CHECK(size[at(c)] <= capacity);
      CHECK(found.price[at(c)] >= 0.0);
      if (size[at(c)] < capacity) CHECK(found.price[at(c)] == 0.0);
    }
    for (std::int32_t p = 0; p < n; ++p) {
      const std::int32_t own = found.label[at(p)];
      for (std::int32_t c = 0; c < k; ++c) {
        REQUIRE(costs(p, own) + found.price[at(own)] <= costs(p, c) + found.price[at(c)] + 1e-6);
      }
    }
  }
}

TEST_CASE("restarts and freedom from balance only help") {
  const Cloud points = cloud(400, 6, 21, 40);
  KMeansOptions options;
  options.clusters = 30;
  options.restarts = 1;
  double before = std::numeric_limits<double>::infinity();
  for (const std::int32_t restarts : {1, 3, 8}) {
    options.restarts = restarts;
    const KMeansResult result = k_means(points.view(), options);
    check_fixed_point(points, result, false);
    CHECK(result.used == 30);
    CHECK(result.distortion <= before);
    CHECK(result.restart < restarts);
    before = result.distortion;
  }
  options.balanced = true;
  const KMeansResult balanced = k_means(points.view(), options);
  check_fixed_point(points, balanced, true);
  CHECK(balanced.distortion > before);
  for (const std::int32_t size : sizes(balanced.label, balanced.used)) CHECK(size <= 14);  // ceil(400 / 30)
}

TEST_CASE("empty clusters are filled, and left out where no points are left for them") {
  // Two far points and a heap: a third centre drawn inside the heap of equal points would stay empty.
  Cloud points{50, 1, std::vector<float>(50, 1.0F)};
  points.values[7] = 100.0F;
  points.values[30] = -50.0F;
  KMeansOptions options;
  options.clusters = 8;
  const KMeansResult result = k_means(points.view(), options);
  CHECK(result.used == 3);
  CHECK(result.distortion == 0.0);
  check_fixed_point(points, result, false);
  // Balanced, equal points have to be spread all the same.
  options.balanced = true;
  const KMeansResult balanced = k_means(points.view(), options);
  CHECK(balanced.used == 8);
  for (const std::int32_t size : sizes(balanced.label, balanced.used)) CHECK(size <= 7);
  // More clusters than points.
  const Cloud few = cloud(4, 3, 2);
  for (const bool even : {false, true}) {
    options.balanced = even;
    const KMeansResult each = k_means(few.view(), options);
    CHECK(each.used == 4);
    CHECK(each.distortion == 0.0);
  }
}

TEST_CASE("k-means gives the same bytes for any number of threads") {
  const Cloud points = cloud(700, 17, 33, 60);
  for (const bool balanced : {false, true}) {
    std::vector<KMeansResult> results;
    for (const int threads : {1, 2, 3}) {
      tbb::task_arena(threads).execute([&] {
        KMeansOptions options;
        options.clusters = 50;
        options.restarts = 3;
        options.balanced = balanced;
        results.push_back(k_means(points.view(), options));
      });
    }
    for (const KMeansResult& other : results) {
      CHECK(other.centres == results.front().centres);
      CHECK(other.label == results.front().label);
      CHECK(other.distortion == results.front().distortion);
      CHECK(other.restart == results.front().restart);
    }
  }
}

TEST_CASE("clusters that run empty are filled") {
  // All but the first centre are so far away that no point goes there.
  const Cloud points = cloud(60, 3, 5, 8);
  std::vector<float> centres(12 * 3, 1e4F);
  std::fill_n(centres.begin(), 3, 0.0F);
  for (const bool balanced : {false, true}) {
    KMeansOptions options;
    options.balanced = balanced;
    const KMeansResult result = k_means_from(points.view(), centres, options);
    CHECK(result.used == 12);
    check_fixed_point(points, result, balanced);
  }
  // Sixty points and room for sixty-five: a balanced assignment may leave centres out.
  centres.resize(13 * 3, 1e4F);
  KMeansOptions options;
  options.balanced = true;
  const KMeansResult result = k_means_from(points.view(), centres, options);
  CHECK(result.used == 13);
  for (const std::int32_t size : sizes(result.label, 13)) CHECK(size <= 5);
  // The farthest point is alone with its centre: taking it would leave that one empty.
  const Cloud line{4, 1, {0.0F, 0.1F, 0.3F, 100.0F}};
  options.balanced = false;
  options.iterations = 1;
  const KMeansResult once = k_means_from(line.view(), {0.0F, 90.0F, 1e4F}, options);
  CHECK(once.used == 3);
  CHECK(once.distortion == doctest::Approx(0.005));
}

TEST_CASE("every iteration lowers the distortion") {
  const Cloud points = cloud(200, 4, 6, 30);
  const std::vector<float> first(points.values.begin(), points.values.begin() + 20 * 4);
  for (const bool balanced : {false, true}) {
    KMeansOptions options;
    options.balanced = balanced;
    double before = std::numeric_limits<double>::infinity();
    bool converged = false;
    for (options.iterations = 1; !converged; ++options.iterations) {
      const KMeansResult result = k_means_from(points.view(), first, options);
      CHECK(result.distortion <= before);
      CHECK(result.iterations == options.iterations);
      before = result.distortion;
      converged = result.converged;
    }
    CHECK(options.iterations > 4);
  }
}

TEST_CASE("an interrupted fit says so") {
  const Cloud points = cloud(50, 2, 1);
  request_interrupt();
  CHECK_THROWS_AS(k_means(points.view(), {}), Interrupted);
  clear_interrupt();
  CHECK(k_means(points.view(), {}).used == 50);
}

TEST_CASE("options of k-means out of range are refused") {
  const Cloud points = cloud(5, 2, 1);
  const auto refused = [&](const auto& change) {
    KMeansOptions options;
    change(options);
    CHECK_THROWS_AS(k_means(points.view(), options), ConfigError);
  };
  refused([](KMeansOptions& o) { o.clusters = 0; });
  refused([](KMeansOptions& o) { o.clusters = 70'000; });
  refused([](KMeansOptions& o) { o.restarts = 0; });
  refused([](KMeansOptions& o) { o.iterations = 0; });
  refused([](KMeansOptions& o) {
    o.balanced = true;
    o.clusters = 2049;
  });
}

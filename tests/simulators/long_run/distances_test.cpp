#include "simulators/long_run/distances.h"

#include "tests/test.h"

#include <cmath>
#include <vector>

#include "env/random.h"

namespace veer::long_run {
namespace {

std::vector<double> random_weights(std::uint32_t number, std::size_t classes) {
  std::vector<double> out;
  for (std::size_t i = 0; i < classes; ++i) {
    out.push_back(double{uniform({5, number, static_cast<std::uint32_t>(i)}, Stream::generate)});
  }
  return out;
}

View<const float> column(const std::vector<float>& points) {
  return {points.data(), static_cast<std::int32_t>(points.size()), 1};
}

}  // namespace

TEST_CASE("Jensen-Shannon distance: values worked out by hand") {
  CHECK(jensen_shannon(std::vector{1.0, 0.0}, std::vector{0.0, 7.0}) == doctest::Approx(1.0));
  CHECK(jensen_shannon(std::vector{2.0, 2.0}, std::vector{5.0, 5.0}) == doctest::Approx(0.0));
  // p = (1/2, 1/2), q = (1/4, 3/4), middle (3/8, 5/8); divergence 0.0487949 bits
  CHECK(jensen_shannon(std::vector{1.0, 1.0}, std::vector{1.0, 3.0}) ==
        doctest::Approx(0.220896).epsilon(1e-5));
  CHECK(jensen_shannon(std::vector{0.0, 0.0}, std::vector{1.0, 0.0}) == 1.0);
  CHECK(jensen_shannon(std::vector{0.0, 0.0}, std::vector{0.0, 0.0}) == 0.0);
}

TEST_CASE("Jensen-Shannon distance is a metric and grows with what is mixed in") {
  for (std::uint32_t n = 0; n < 50; ++n) {
    const auto p = random_weights(3 * n, 8);
    const auto q = random_weights(3 * n + 1, 8);
    const auto r = random_weights(3 * n + 2, 8);
    CHECK(jensen_shannon(p, p) < 1e-7);
    CHECK(jensen_shannon(p, q) == doctest::Approx(jensen_shannon(q, p)));
    CHECK(jensen_shannon(p, q) > 0.0);
    CHECK(jensen_shannon(p, r) <= jensen_shannon(p, q) + jensen_shannon(q, r) + 1e-12);
    std::vector<double> scaled = q;
    for (double& weight : scaled) weight *= 17.0;
    CHECK(jensen_shannon(p, scaled) == doctest::Approx(jensen_shannon(p, q)));
  }
  const std::vector<double> p = {0.7, 0.2, 0.1};
  double before = 0.0;
  for (int step = 1; step <= 10; ++step) {
    const double share = step / 10.0;
    const std::vector<double> mixed = {0.7 - 0.6 * share, 0.2, 0.1 + 0.6 * share};
    const double distance = jensen_shannon(p, mixed);
    CHECK(distance > before);
    before = distance;
  }
}

TEST_CASE("Kolmogorov-Smirnov distance: values worked out by hand") {
  CHECK(kolmogorov_smirnov({1, 2, 3, 4}, {3, 4, 5, 6}) == doctest::Approx(0.5));
  CHECK(kolmogorov_smirnov({1, 1, 2}, {1, 2, 2}) == doctest::Approx(1.0 / 3.0));
  CHECK(kolmogorov_smirnov({1, 2}, {3, 4, 5}) == doctest::Approx(1.0));
  CHECK(kolmogorov_smirnov({2, 1, 3}, {3, 1, 2}) == doctest::Approx(0.0));
  CHECK(kolmogorov_smirnov({0, 1}, {0.5}) == doctest::Approx(0.5));
  CHECK(kolmogorov_smirnov({}, {1}) == 1.0);
  CHECK(kolmogorov_smirnov({}, {}) == 0.0);
}

TEST_CASE("Kolmogorov-Smirnov distance is symmetric, blind to scale, and grows with a shift") {
  std::vector<double> a;
  for (std::uint32_t i = 0; i < 200; ++i) a.push_back(double{normal({1, i, 0}, Stream::generate)});
  double before = 0.0;
  for (int step = 1; step <= 6; ++step) {
    std::vector<double> b = a;
    std::vector<double> a_cubed = a;
    for (double& x : b) x += 0.4 * step;
    const double distance = kolmogorov_smirnov(a, b);
    CHECK(distance == doctest::Approx(kolmogorov_smirnov(b, a)));
    CHECK(distance > before);
    for (double& x : b) x = x * x * x;
    for (double& x : a_cubed) x = x * x * x;
    CHECK(kolmogorov_smirnov(a_cubed, b) == doctest::Approx(distance));
    before = distance;
  }
}

TEST_CASE("squared maximum mean discrepancy: a value worked out by hand") {
  // k(d) = exp(-d^2 / 2): within 0.606531 and 0.606531, across (0.135335 + 0.011109 + 0.606531 + 0.135335) /
  // 4
  CHECK(squared_mmd(column({0, 1}), column({2, 3}), 1.0) == doctest::Approx(0.768907).epsilon(1e-5));
}

TEST_CASE("squared maximum mean discrepancy: unbiased, symmetric, and grows with a shift") {
  // Over all ways to halve four points, its mean is 0.
  const std::vector<float> x = {0.3F, -1.2F, 2.0F, 0.9F};
  const double sum = squared_mmd(column({x[0], x[1]}), column({x[2], x[3]}), 0.7) +
                     squared_mmd(column({x[0], x[2]}), column({x[1], x[3]}), 0.7) +
                     squared_mmd(column({x[0], x[3]}), column({x[1], x[2]}), 0.7);
  CHECK(sum == doctest::Approx(0.0).epsilon(1e-12));

  std::vector<float> a(120);
  std::vector<float> b(120);
  fill_normal({1, 0, 0}, Stream::generate, a);
  fill_normal({1, 1, 0}, Stream::generate, b);
  CHECK(std::abs(squared_mmd(column(a), column(b), 1.0)) < 0.05);
  double before = squared_mmd(column(a), column(b), 1.0);
  for (int step = 1; step <= 4; ++step) {
    std::vector<float> moved = b;
    for (float& value : moved) value += 0.5F * static_cast<float>(step);
    const double distance = squared_mmd(column(a), column(moved), 1.0);
    CHECK(distance == doctest::Approx(squared_mmd(column(moved), column(a), 1.0)));
    CHECK(distance > before);
    before = distance;
  }
}

TEST_CASE("median heuristic") {
  CHECK(median_distance(column({0, 1, 3})) == doctest::Approx(2.0));     // of 1, 2, 3
  CHECK(median_distance(column({5, 5, 5, 8})) == doctest::Approx(3.0));  // of 0, 0, 0, 3, 3, 3
  CHECK(median_distance(column({5, 5, 5, 5, 9})) ==
        doctest::Approx(1.6));  // half coincide: mean of 6 x 0, 4 x 4
  CHECK(median_distance(column({4, 4})) == 1.0);
  CHECK(median_distance(column({4})) == 1.0);
  const std::vector<float> plane = {0, 0, 3, 4};
  CHECK(median_distance(View<const float>(plane.data(), 2, 2)) == doctest::Approx(5.0));
  std::vector<float> many(1000);
  fill_normal({2, 0, 0}, Stream::generate, many);
  CHECK(median_distance(column(many), 200) ==
        doctest::Approx(median_distance(column(many), 1000)).epsilon(0.1));
}

}  // namespace veer::long_run

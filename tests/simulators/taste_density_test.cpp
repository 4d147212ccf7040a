#include "simulators/taste_density.h"

#include <tbb/task_arena.h>

#include <cmath>
#include <vector>

#include "tests/test.h"

namespace veer {
namespace {

/// n points of a skewed cloud in the plane: x from an exponential distribution, y depends on x.
std::vector<float> skewed_cloud(std::int32_t n) {
  std::vector<float> out;
  for (std::int32_t i = 0; i < n; ++i) {
    const StepKey key{3, static_cast<EpisodeId>(i), 0};
    const float x = -std::log(1.0F - uniform(key, Stream::generate));
    out.push_back(x);
    out.push_back(0.5F * x + 0.3F * normal(key, Stream::generate, 2));
  }
  return out;
}

std::vector<float> normal_cloud(std::int32_t n, std::int32_t width) {
  std::vector<float> out(static_cast<std::size_t>(n * width));
  for (std::int32_t i = 0; i < n; ++i) {
    fill_normal({4, static_cast<EpisodeId>(i), 0}, Stream::generate,
                std::span(out).subspan(static_cast<std::size_t>(i * width), static_cast<std::size_t>(width)));
  }
  return out;
}

struct Moments {
  double x = 0, y = 0, xx = 0, xy = 0, yy = 0;
};

Moments moments_of(const std::vector<float>& points) {
  Moments m;
  const double n = static_cast<double>(points.size()) / 2.0;
  for (std::size_t i = 0; i < points.size(); i += 2) {
    m.x += double{points[i]} / n;
    m.y += double{points[i + 1]} / n;
  }
  for (std::size_t i = 0; i < points.size(); i += 2) {
    const double dx = double{points[i]} - m.x, dy = double{points[i + 1]} - m.y;
    m.xx += dx * dx / n;
    m.xy += dx * dy / n;
    m.yy += dy * dy / n;
  }
  return m;
}

/// The sum in the header, term by term: mean and covariance without i, then the kernels of all others.
double left_out_by_hand(const std::vector<float>& points, double h) {
  const std::size_t n = points.size() / 2;
  const double s = std::sqrt(1.0 - h * h);
  double total = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<float> others = points;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(2 * i),
                 others.begin() + static_cast<std::ptrdiff_t>(2 * i + 2));
    const Moments m = moments_of(others);
    const double determinant = (m.xx * m.yy - m.xy * m.xy) * std::pow(h, 4);
    double density = 0.0;
    for (std::size_t j = 0; j < n - 1; ++j) {
      const double dx = double{points[2 * i]} - m.x - s * (double{others[2 * j]} - m.x);
      const double dy = double{points[2 * i + 1]} - m.y - s * (double{others[2 * j + 1]} - m.y);
      const double square = (m.yy * dx * dx - 2.0 * m.xy * dx * dy + m.xx * dy * dy) * h * h / determinant;
      density += std::exp(-0.5 * square) / (2.0 * M_PI * std::sqrt(determinant)) / static_cast<double>(n - 1);
    }
    total += std::log(density);
  }
  return total;
}

}  // namespace

TEST_CASE("draws keep the mean and the covariance of the members, whatever the bandwidth") {
  const std::vector<float> members = skewed_cloud(40);
  const Moments wanted = moments_of(members);
  for (const double h : {0.0, 0.4, 1.0}) {
    const TasteDensity density(members, 2, h);
    CHECK(density.bandwidth() == h);
    CHECK(density.directions() == 0);
    std::vector<float> drawn(200'000);
    for (std::size_t i = 0; i < drawn.size() / 2; ++i) {
      const StepKey key{7, i, 0};
      const auto a = uniform_below(40, key, Stream::policy);
      density.draw_around(a, key, 5, std::span(drawn).subspan(2 * i, 2));
    }
    const Moments found = moments_of(drawn);
    CAPTURE(h);
    CHECK(std::abs(found.x - wanted.x) < 0.02);  // five standard errors
    CHECK(std::abs(found.y - wanted.y) < 0.02);
    CHECK(found.xx == doctest::Approx(wanted.xx).epsilon(0.04));
    CHECK(found.xy == doctest::Approx(wanted.xy).epsilon(0.04));
    CHECK(found.yy == doctest::Approx(wanted.yy).epsilon(0.04));
  }
}

TEST_CASE("bandwidth 0 copies a member, bandwidth 1 keeps nothing of them") {
  const std::vector<float> members = skewed_cloud(30);
  const TasteDensity copies(members, 2, 0.0), fresh(members, 2, 1.0);
  std::vector<float> one(2), other(2);
  for (std::int64_t a = 0; a < 30; ++a) {
    copies.draw_around(a, {1, 2, 3}, 0, one);
    CHECK(one[0] == doctest::Approx(members[static_cast<std::size_t>(2 * a)]));
    CHECK(one[1] == doctest::Approx(members[static_cast<std::size_t>(2 * a + 1)]));
    fresh.draw_around(a, {1, 2, 3}, 0, one);
    fresh.draw_around(0, {1, 2, 3}, 0, other);
    CHECK(one == other);
  }
}

TEST_CASE("the fitted bandwidth maximises the leave-one-out likelihood computed by hand") {
  for (const std::int32_t people : {12, 30}) {
    const std::vector<float> members = skewed_cloud(people);
    double best = -1e300, best_h = 0.0;
    for (int k = 1; k <= 50; ++k) {
      const double value = left_out_by_hand(members, k / 50.0);
      if (value > best) best = value, best_h = k / 50.0;
    }
    const TasteDensity density(members, 2);
    CHECK(density.directions() == 2);
    CHECK(density.bandwidth() == doctest::Approx(best_h));
    CHECK(density.gain() == doctest::Approx((best - left_out_by_hand(members, 1.0)) / people));
  }
}

TEST_CASE("clusters get a small bandwidth, a normal cloud a large one") {
  std::vector<float> clusters = normal_cloud(200, 1);
  for (std::size_t i = 0; i < clusters.size(); ++i) {
    clusters[i] = 0.05F * clusters[i] + (i % 2 == 0 ? 1.0F : -1.0F);
  }
  const TasteDensity two(clusters, 1);
  CHECK(two.bandwidth() <= 0.1);
  CHECK(two.gain() > 1.0);
  const TasteDensity one(normal_cloud(200, 8), 8);
  CHECK(one.bandwidth() >= 0.6);
  CHECK(one.gain() < 0.3);
}

TEST_CASE("tastes that lie in a plane, or in one place, are fitted there") {
  std::vector<float> plane;
  const std::vector<float> cloud = skewed_cloud(60);
  for (std::size_t i = 0; i < cloud.size(); i += 2) {
    plane.insert(plane.end(), {cloud[i], 3.0F, cloud[i] - 2.0F * cloud[i + 1], cloud[i + 1]});
  }
  const TasteDensity flat(plane, 4), same(cloud, 2);
  CHECK(flat.directions() == 2);
  CHECK(flat.bandwidth() == same.bandwidth());
  CHECK(flat.gain() == doctest::Approx(same.gain()).epsilon(1e-3));

  const TasteDensity point(std::vector<float>(40, 2.5F), 2);
  CHECK(point.directions() == 0);
  std::vector<float> drawn(2);
  point.draw_around(3, {}, 0, drawn);
  CHECK(drawn == std::vector<float>{2.5F, 2.5F});
  // Few people, many numbers: a quarter as many directions as people.
  CHECK(TasteDensity(normal_cloud(40, 32), 32).directions() == 10);
}

TEST_CASE("a fit does not depend on the number of threads") {
  const std::vector<float> members = normal_cloud(150, 6);
  const TasteDensity one(members, 6);
  tbb::task_arena(3).execute([&] {
    const TasteDensity three(members, 6);
    CHECK(three.bandwidth() == one.bandwidth());
    CHECK(three.gain() == one.gain());
  });
}

}  // namespace veer

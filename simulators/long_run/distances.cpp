#include "simulators/long_run/distances.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

namespace veer::long_run {
namespace {

double squared_distance(std::span<const float> a, std::span<const float> b) noexcept {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = double{a[i]} - double{b[i]};
    sum += difference * difference;
  }
  return sum;
}

/// Mean kernel value over pairs of different rows.
double mean_within(View<const float> points, double factor) {
  double sum = 0.0;
  for (std::int32_t i = 0; i < points.rows(); ++i) {
    for (std::int32_t j = 0; j < i; ++j) {
      sum += std::exp(factor * squared_distance(points.row(i), points.row(j)));
    }
  }
  const double rows = points.rows();
  return 2.0 * sum / (rows * (rows - 1.0));
}

}  // namespace

double jensen_shannon(std::span<const double> p, std::span<const double> q) {
  assert(p.size() == q.size());
  const double p_total = std::accumulate(p.begin(), p.end(), 0.0);
  const double q_total = std::accumulate(q.begin(), q.end(), 0.0);
  if (p_total <= 0.0 || q_total <= 0.0) return (p_total > 0.0) == (q_total > 0.0) ? 0.0 : 1.0;
  double divergence = 0.0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double a = p[i] / p_total;
    const double b = q[i] / q_total;
    const double middle = (a + b) / 2.0;
    if (a > 0.0) divergence += a / 2.0 * std::log2(a / middle);
    if (b > 0.0) divergence += b / 2.0 * std::log2(b / middle);
  }
  return std::sqrt(std::clamp(divergence, 0.0, 1.0));
}

double kolmogorov_smirnov(std::vector<double> a, std::vector<double> b) {
  if (a.empty() || b.empty()) return a.empty() == b.empty() ? 0.0 : 1.0;
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  const auto a_size = static_cast<double>(a.size());
  const auto b_size = static_cast<double>(b.size());
  double greatest = 0.0;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    const double value = std::min(a[i], b[j]);
    while (i < a.size() && a[i] == value) ++i;
    while (j < b.size() && b[j] == value) ++j;
    greatest =
        std::max(greatest, std::abs(static_cast<double>(i) / a_size - static_cast<double>(j) / b_size));
  }
  return greatest;
}

double squared_mmd(View<const float> a, View<const float> b, double bandwidth) {
  assert(a.width() == b.width() && a.rows() >= 2 && b.rows() >= 2 && bandwidth > 0.0);
  const double factor = -1.0 / (2.0 * bandwidth * bandwidth);
  double across = 0.0;
  for (std::int32_t i = 0; i < a.rows(); ++i) {
    for (std::int32_t j = 0; j < b.rows(); ++j) {
      across += std::exp(factor * squared_distance(a.row(i), b.row(j)));
    }
  }
  across /= static_cast<double>(a.rows()) * static_cast<double>(b.rows());
  return mean_within(a, factor) + mean_within(b, factor) - 2.0 * across;
}

double median_distance(View<const float> points, std::int32_t most) {
  const std::int32_t taken = std::min(points.rows(), most);
  const auto place = [&](std::int32_t i) {
    return static_cast<std::int32_t>(std::int64_t{i} * points.rows() / taken);
  };
  std::vector<double> distances;
  for (std::int32_t i = 0; i < taken; ++i) {
    for (std::int32_t j = 0; j < i; ++j) {
      distances.push_back(std::sqrt(squared_distance(points.row(place(i)), points.row(place(j)))));
    }
  }
  if (distances.empty()) return 1.0;
  const auto count = static_cast<double>(distances.size());
  const double mean = std::accumulate(distances.begin(), distances.end(), 0.0) / count;
  const auto middle = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 2);
  std::nth_element(distances.begin(), middle, distances.end());
  if (*middle > 0.0) return *middle;
  return mean > 0.0 ? mean : 1.0;
}

}  // namespace veer::long_run

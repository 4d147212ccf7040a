#include "scenarios/ope/magic.h"

#include <algorithm>
#include <cmath>

namespace veer::ope {
namespace {

/// -1 and the last step, with at most most_returns - 2 others evenly between.
std::vector<std::int64_t> mixed_steps(std::int64_t terms) {
  const std::int64_t count = std::min(terms, most_returns);
  std::vector<std::int64_t> steps;
  for (std::int64_t k = 0; k < count; ++k) {
    steps.push_back(-1 + (count == 1 ? 0 : k * (terms - 1) / (count - 1)));
  }
  return steps;
}

/// contributions[c, k]: cluster c's share of the k-th return; a column sums up to the return.
std::vector<double> contributions_of(const Ratios& wdr, const ClusterPlaces& places,
                                     std::span<const std::int64_t> steps) {
  const std::size_t terms = at(wdr.terms), units = at(wdr.units);
  std::vector<double> below(terms, 0.0);
  for (std::size_t i = 0; i < units; ++i) {
    for (std::size_t t = 0; t < terms; ++t) below[t] += wdr.denominator[i * terms + t];
  }
  std::vector<double> contributions(places.count * steps.size(), 0.0);
  for (std::size_t i = 0; i < units; ++i) {
    double sum = 0.0;
    std::size_t t = 0;
    for (std::size_t k = 0; k < steps.size(); ++k) {
      for (; t < at(steps[k] + 2); ++t) sum += wdr.numerator[i * terms + t] / below[t];
      contributions[places.of_unit[i] * steps.size() + k] += sum;
    }
  }
  return contributions;
}

/// n / (n - 1) times the sum of products of deviations: the covariance of sums of n independent shares.
std::vector<double> covariance_of(std::span<const double> contributions, std::span<const double> sums) {
  const std::size_t size = sums.size(), count = contributions.size() / size;
  std::vector<double> matrix(size * size, 0.0), deviation(size);
  const auto n = static_cast<double>(count);
  for (std::size_t c = 0; c < count; ++c) {
    for (std::size_t k = 0; k < size; ++k) deviation[k] = contributions[c * size + k] - sums[k] / n;
    for (std::size_t j = 0; j < size; ++j) {
      for (std::size_t k = 0; k < size; ++k) matrix[j * size + k] += deviation[j] * deviation[k];
    }
  }
  for (double& entry : matrix) entry *= n / std::max(1.0, n - 1.0);
  return matrix;
}

}  // namespace

std::vector<double> smallest_on_simplex(std::span<const double> matrix, std::size_t size) {
  // Mass moves from the coordinate where the slope is steepest to that where it is flattest, as far as is
  // best.
  std::vector<double> x(size, 1.0 / static_cast<double>(size)), slope(size);
  double scale = 0.0;
  for (const double entry : matrix) scale = std::max(scale, std::abs(entry));
  const auto entry = [&](std::size_t i, std::size_t j) { return matrix[i * size + j]; };
  for (int round = 0; round < 100000; ++round) {
    for (std::size_t i = 0; i < size; ++i) {  // anew each time, so that rounding does not gather
      slope[i] = 0.0;
      for (std::size_t j = 0; j < size; ++j) slope[i] += entry(i, j) * x[j];
    }
    std::size_t from = size, to = 0;
    for (std::size_t i = 0; i < size; ++i) {
      if (x[i] > 0.0 && (from == size || slope[i] > slope[from])) from = i;
      if (slope[i] < slope[to]) to = i;
    }
    const double gap = slope[from] - slope[to];
    if (!(gap > 1e-12 * scale)) break;
    const double curvature = entry(from, from) + entry(to, to) - 2.0 * entry(from, to);
    const double step = curvature > 0.0 ? std::min(x[from], gap / curvature) : x[from];
    x[from] -= step;
    x[to] += step;
  }
  return x;
}

Magic magic_of(const Ratios& wdr, std::span<const UserId> clusters, Summariser& summariser) {
  Magic out;
  out.steps = mixed_steps(wdr.terms);
  const std::size_t size = out.steps.size();
  const std::vector<double> contributions = contributions_of(wdr, places_of(clusters, wdr.units), out.steps);
  out.returns.assign(size, 0.0);
  for (std::size_t i = 0; i < contributions.size(); ++i) out.returns[i % size] += contributions[i];
  std::vector<double> matrix = covariance_of(contributions, out.returns);
  const Ends ends = interval_of(wdr, clusters, 0.90, summariser);
  for (const double value : out.returns) {
    out.bias.push_back(value > ends.high ? value - ends.high : value < ends.low ? value - ends.low : 0.0);
  }
  for (std::size_t j = 0; j < size; ++j) {
    for (std::size_t k = 0; k < size; ++k) matrix[j * size + k] += out.bias[j] * out.bias[k];
  }
  const bool defined = !std::isnan(ends.low) && std::all_of(matrix.begin(), matrix.end(), [](double entry) {
    return std::isfinite(entry);
  });
  out.mixture = defined ? smallest_on_simplex(matrix, size) : std::vector<double>(size, std::nan(""));
  // The term of step t is in all returns with j >= t, so it counts as much as they weigh together.
  out.ratios = wdr;
  for (std::int64_t t = 0; t < wdr.terms; ++t) {
    double weight = 0.0;
    for (std::size_t k = 0; k < size; ++k) weight += out.steps[k] + 1 >= t ? out.mixture[k] : 0.0;
    for (std::int64_t i = 0; i < wdr.units; ++i) out.ratios.numerator[at(i * wdr.terms + t)] *= weight;
  }
  return out;
}

}  // namespace veer::ope

#include "scenarios/ope/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

#include "env/error.h"
#include "simulators/panel.h"

namespace veer::ope {
namespace {

constexpr double not_defined = std::numeric_limits<double>::quiet_NaN();

/// Places in the sorted list of distinct values: the order and the ties of doubles, exact as floats.
std::vector<float> dense_places(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  std::vector<float> places(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    places[i] =
        static_cast<float>(std::lower_bound(sorted.begin(), sorted.end(), values[i]) - sorted.begin());
  }
  return places;
}

int sign_of(double value) { return (value > 0.0) - (value < 0.0); }

}  // namespace

double spearman(std::span<const double> truth, std::span<const double> estimate) {
  assert(truth.size() == estimate.size());
  return rank_correlation(dense_places(truth), dense_places(estimate));
}

double kendall(std::span<const double> truth, std::span<const double> estimate) {
  assert(truth.size() == estimate.size());
  double agreement = 0.0, untied_truth = 0.0, untied_estimate = 0.0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const int a = sign_of(truth[i] - truth[j]), b = sign_of(estimate[i] - estimate[j]);
      agreement += a * b;
      untied_truth += a != 0;
      untied_estimate += b != 0;
    }
  }
  if (untied_truth == 0.0 || untied_estimate == 0.0) return not_defined;
  return agreement / std::sqrt(untied_truth * untied_estimate);
}

double mean_squared_error(std::span<const double> truth, std::span<const double> estimate) {
  double squares = 0.0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    squares += (estimate[i] - truth[i]) * (estimate[i] - truth[i]);
  }
  return squares / static_cast<double>(truth.size());
}

TopK top_k(std::span<const double> truth, std::span<const double> estimate, std::int64_t k, double behaviour,
           double threshold) {
  assert(truth.size() == estimate.size());
  if (k < 1 || at(k) > truth.size()) {
    throw ConfigError(Where{{}, 0, "k"},
                      {fmt::format("{}", k), fmt::format("1 to {} candidates", truth.size()), ""});
  }
  std::vector<std::size_t> order(truth.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return estimate[a] > estimate[b]; });
  std::vector<double> picked, sorted(truth.begin(), truth.end());
  for (std::size_t i = 0; i < at(k); ++i) picked.push_back(truth[order[i]]);
  std::sort(sorted.begin(), sorted.end(), std::greater<>());

  const auto size = static_cast<double>(k);
  const double sum = std::accumulate(picked.begin(), picked.end(), 0.0);
  TopK out;
  out.best = *std::max_element(picked.begin(), picked.end());
  out.worst = *std::min_element(picked.begin(), picked.end());
  out.mean = sum / size;
  out.regret = sorted.front() - out.best;
  out.normalised_regret = sorted.front() == 0.0 ? not_defined : out.regret / std::abs(sorted.front());
  out.sum_regret =
      std::accumulate(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(k), 0.0) - sum;
  double squares = 0.0;
  for (const double value : picked) squares += (value - out.mean) * (value - out.mean);
  // Equal values leave squares of rounding errors behind, so equality is what is asked for.
  if (out.best == out.worst) {
    out.sharpe_population = out.sharpe_sample = not_defined;
  } else {
    out.sharpe_population = (out.best - behaviour) / std::sqrt(squares / size);
    out.sharpe_sample = std::max(0.0, out.best - behaviour) / std::sqrt(squares / (size - 1.0));
  }
  out.violation_rate = static_cast<double>(std::count_if(picked.begin(), picked.end(),
                                                         [&](double value) { return value < threshold; })) /
                       size;
  return out;
}

ThresholdErrors threshold_errors(std::span<const double> truth, std::span<const double> estimate,
                                 double threshold) {
  double safe = 0.0, turned_away = 0.0, unsafe = 0.0, let_through = 0.0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const bool reaches = estimate[i] >= threshold;
    if (truth[i] >= threshold) {
      safe += 1.0;
      turned_away += !reaches;
    } else {
      unsafe += 1.0;
      let_through += reaches;
    }
  }
  return {safe == 0.0 ? not_defined : turned_away / safe, unsafe == 0.0 ? not_defined : let_through / unsafe};
}

}  // namespace veer::ope

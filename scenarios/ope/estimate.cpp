#include "scenarios/ope/estimate.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <unordered_map>

namespace veer::ope {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

/// Sums per cluster: what a replicate adds up.
struct ClusterSums {
  std::size_t clusters = 0, terms = 0;
  std::vector<double> numerator, denominator;  // [clusters, terms]

  double value(std::span<const std::uint16_t> draws, std::vector<double>& above,
               std::vector<double>& below) const;
};

ClusterSums sums_of(const Ratios& ratios, const ClusterPlaces& places) {
  ClusterSums sums{places.count, at(ratios.terms), {}, {}};
  sums.numerator.assign(sums.clusters * sums.terms, 0.0);
  sums.denominator.assign(sums.clusters * sums.terms, 0.0);
  for (std::size_t i = 0; i < at(ratios.units); ++i) {
    const std::size_t from = i * sums.terms, to = places.of_unit[i] * sums.terms;
    for (std::size_t k = 0; k < sums.terms; ++k) {
      sums.numerator[to + k] += ratios.numerator[from + k];
      sums.denominator[to + k] += ratios.denominator.empty() ? 1.0 : ratios.denominator[from + k];
    }
  }
  return sums;
}

/// The value when cluster c counts draws[c] times (no draws: once). `above` and `below` are left with the
/// sums of each term.
double ClusterSums::value(std::span<const std::uint16_t> draws, std::vector<double>& above,
                          std::vector<double>& below) const {
  above.assign(terms, 0.0);
  below.assign(terms, 0.0);
  for (std::size_t c = 0; c < clusters; ++c) {
    const double times = draws.empty() ? 1.0 : draws[c];
    for (std::size_t k = 0; k < terms; ++k) {
      above[k] += times * numerator[c * terms + k];
      below[k] += times * denominator[c * terms + k];
    }
  }
  double value = 0.0;
  for (std::size_t k = 0; k < terms; ++k) value += above[k] / below[k];  // 0 / 0 is NaN, as documented
  return value;
}

/// The linearised share of each cluster in the error: its numerators minus the ratios times its denominators.
double robust_error(const ClusterSums& sums, const std::vector<double>& above,
                    const std::vector<double>& below) {
  if (sums.clusters < 2) return undefined;
  double squares = 0.0;
  for (std::size_t c = 0; c < sums.clusters; ++c) {
    double influence = 0.0;
    for (std::size_t k = 0; k < sums.terms; ++k) {
      const std::size_t place = c * sums.terms + k;
      influence += (sums.numerator[place] - above[k] / below[k] * sums.denominator[place]) / below[k];
    }
    squares += influence * influence;
  }
  const auto count = static_cast<double>(sums.clusters);
  return std::sqrt(squares * count / (count - 1.0));
}

/// Two-sided quantile of the standard normal: the x with P(|Z| < x) = level, by bisection of erf.
double normal_quantile(double level) {
  double low = 0.0, high = 10.0;
  for (int i = 0; i < 60; ++i) {
    const double middle = 0.5 * (low + high);
    (std::erf(middle / std::sqrt(2.0)) < level ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

Ends ends_of(const ClusterSums& sums, double value, double error, double level, Summariser& summariser) {
  if (sums.clusters < 2 || std::isnan(value)) return {undefined, undefined};
  if (!summariser.resamples(sums.clusters)) {
    const double reach = normal_quantile(level) * error;
    return {value - reach, value + reach};
  }
  const std::span<const std::uint16_t> draws = summariser.draws(sums.clusters);
  const std::size_t replicates = draws.size() / sums.clusters;
  std::vector<double> values, above, below;
  values.reserve(replicates);
  for (std::size_t r = 0; r < replicates; ++r) {
    const double found = sums.value(draws.subspan(r * sums.clusters, sums.clusters), above, below);
    if (!std::isnan(found)) values.push_back(found);
  }
  if (values.size() * 2 < replicates) return {undefined, undefined};
  std::sort(values.begin(), values.end());
  return {quantile_of(values, 0.5 - 0.5 * level), quantile_of(values, 0.5 + 0.5 * level)};
}

}  // namespace

double effective_sample_size(std::span<const double> weights) noexcept {
  double largest = 0.0;
  for (const double w : weights) largest = std::max(largest, w);
  if (!(largest > 0.0)) return 0.0;
  double sum = 0.0, squares = 0.0;
  for (const double w : weights) {  // scaled, or the square of a product of many ratios would overflow
    sum += w / largest;
    squares += w / largest * (w / largest);
  }
  return sum * sum / squares;
}

double largest_share(std::span<const double> weights) noexcept {
  double largest = 0.0, sum = 0.0;
  for (const double w : weights) {
    largest = std::max(largest, w);
    sum += w;
  }
  return largest / sum;
}

ClusterPlaces places_of(std::span<const UserId> clusters, std::int64_t units) {
  assert(clusters.empty() || clusters.size() == at(units));
  ClusterPlaces places;
  places.of_unit.resize(at(units));
  std::unordered_map<UserId, std::size_t> seen;  // looked up, never walked: its order reaches nothing
  for (std::size_t i = 0; i < at(units); ++i) {
    places.of_unit[i] =
        clusters.empty() ? places.count : seen.try_emplace(clusters[i], places.count).first->second;
    places.count = std::max(places.count, places.of_unit[i] + 1);
  }
  return places;
}

Estimate estimate_of(std::string name, const Ratios& ratios, std::span<const double> weights,
                     std::span<const UserId> clusters, Summariser& summariser) {
  const ClusterSums sums = sums_of(ratios, places_of(clusters, ratios.units));
  std::vector<double> above, below;
  Estimate out;
  out.name = std::move(name);
  out.value = sums.value({}, above, below);
  out.standard_error = robust_error(sums, above, below);
  const Ends ends = ends_of(sums, out.value, out.standard_error, 0.95, summariser);
  out.low = ends.low;
  out.high = ends.high;
  out.interval = summariser.resamples(sums.clusters) ? Interval::bootstrap : Interval::normal;
  const auto units = static_cast<double>(ratios.units);
  out.contributions.assign(at(ratios.units), 0.0);
  for (std::size_t i = 0; i < out.contributions.size(); ++i) {
    for (std::size_t k = 0; k < sums.terms; ++k) {
      out.contributions[i] += units * ratios.numerator[i * sums.terms + k] / below[k];
    }
  }
  out.effective_sample_size = weights.empty() ? undefined : effective_sample_size(weights);
  out.largest_share = weights.empty() ? undefined : largest_share(weights);
  return out;
}

Ends interval_of(const Ratios& ratios, std::span<const UserId> clusters, double level,
                 Summariser& summariser) {
  const ClusterSums sums = sums_of(ratios, places_of(clusters, ratios.units));
  std::vector<double> above, below;
  const double value = sums.value({}, above, below);
  return ends_of(sums, value, robust_error(sums, above, below), level, summariser);
}

}  // namespace veer::ope

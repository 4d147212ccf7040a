#include "rewards/crossed.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <unordered_map>

#include "env/error.h"
#include "env/random.h"
#include "rewards/summary.h"

namespace veer {
namespace {

constexpr double unknown_value = std::numeric_limits<double>::quiet_NaN();

/// Draws `weights.size()` times with replacement.
void draw_weights(const StepKey& key, std::span<std::uint16_t> weights) {
  const auto size = static_cast<std::uint32_t>(weights.size());
  for (std::uint32_t i = 0; i < size; ++i) ++weights[uniform_below(size, key, Stream::bootstrap, i)];
}

/// Of replicates, NaN left out, around their mean.
double variance_of(std::span<const double> replicates) {
  double sum = 0.0, squares = 0.0, count = 0.0;
  for (const double value : replicates) {
    if (std::isnan(value)) continue;
    sum += value;
    count += 1.0;
  }
  for (const double value : replicates) {
    if (!std::isnan(value)) squares += (value - sum / count) * (value - sum / count);
  }
  return count > 1.0 ? squares / (count - 1.0) : unknown_value;
}

}  // namespace

CrossedBootstrap::CrossedBootstrap(std::span<const UserId> people, const CrossedOptions& options)
    : options_(options) {
  if (options.replicates < 1) {
    throw ConfigError(Where{{}, 0, "replicates"},
                      Problem{std::to_string(options.replicates), "1 or more", ""});
  }
  std::unordered_map<UserId, std::int32_t> places;  // looked up, never walked: its order reaches nothing
  for (const UserId user : people) {
    const std::int32_t place = user < 0 ? people_ : places.try_emplace(user, people_).first->second;
    people_ = std::max(people_, place + 1);
    person_.push_back(place);
  }
  weights_.assign(at(options.replicates) * at(people_), 0);
  for (std::int32_t r = 0; r < options.replicates; ++r) {
    draw_weights({options.seed, at(r), 0}, std::span(weights_).subspan(at(r) * at(people_), at(people_)));
  }
}

std::vector<double> CrossedBootstrap::replicates(const SeedValues& values, std::uint32_t method) const {
  const std::size_t seeds = values.size();
  std::vector<double> sums(seeds * at(people_), 0.0), counts(sums);
  for (std::size_t s = 0; s < seeds; ++s) {
    for (std::size_t e = 0; e < person_.size(); ++e) {
      if (std::isnan(values[s][e])) continue;
      sums[s * at(people_) + at(person_[e])] += double{values[s][e]};
      counts[s * at(people_) + at(person_[e])] += 1.0;
    }
  }
  std::vector<double> out;
  for (std::int32_t r = 0; r <= options_.replicates; ++r) {
    const bool data = r == options_.replicates;
    const std::vector<double> seed_weight = seed_weights(seeds, method, r);
    const std::uint16_t* person = weights_.data() + at(data ? 0 : r) * at(people_);
    double sum = 0.0, count = 0.0;
    for (std::size_t s = 0; s < seeds; ++s) {
      double seed_sum = 0.0, seed_count = 0.0;
      for (std::size_t p = 0; p < at(people_); ++p) {
        const double weight = data ? 1.0 : static_cast<double>(person[p]);
        seed_sum += weight * sums[s * at(people_) + p];
        seed_count += weight * counts[s * at(people_) + p];
      }
      sum += seed_weight[s] * seed_sum;
      count += seed_weight[s] * seed_count;
    }
    out.push_back(count > 0.0 ? sum / count : unknown_value);
  }
  return out;
}

std::vector<double> CrossedBootstrap::seed_weights(std::size_t seeds, std::uint32_t method,
                                                   std::int32_t r) const {
  if (r == options_.replicates) return std::vector<double>(seeds, 1.0);
  // As many draws as seeds give (S - 1) / S of the variance between seeds, half of it for two: their weights
  // are stretched around 1, which makes up for it and leaves the total weight as it is.
  const double stretch =
      seeds > 1 ? std::sqrt(static_cast<double>(seeds) / static_cast<double>(seeds - 1)) : 1.0;
  std::vector<std::uint16_t> draws(seeds, 0);
  draw_weights({options_.seed, at(r), method + 1}, draws);
  std::vector<double> out;
  for (const std::uint16_t drawn : draws) out.push_back(1.0 + stretch * (static_cast<double>(drawn) - 1.0));
  return out;
}

std::vector<double> CrossedBootstrap::worst_replicates(const SeedValues& values, std::uint32_t method,
                                                       TailUnit unit, double share) const {
  struct Unit {
    double value = 0.0;
    std::size_t seed = 0, person = 0;
  };
  std::vector<Unit> units;
  for (std::size_t s = 0; s < values.size(); ++s) {
    std::vector<double> sums(at(people_), 0.0), counts(sums);
    for (std::size_t e = 0; e < person_.size(); ++e) {
      if (std::isnan(values[s][e])) continue;
      if (unit == TailUnit::episodes) units.push_back({double{values[s][e]}, s, at(person_[e])});
      sums[at(person_[e])] += double{values[s][e]};
      counts[at(person_[e])] += 1.0;
    }
    for (std::size_t p = 0; unit == TailUnit::people && p < sums.size(); ++p) {
      if (counts[p] > 0.0) units.push_back({sums[p] / counts[p], s, p});
    }
  }
  std::stable_sort(units.begin(), units.end(),
                   [](const Unit& a, const Unit& b) { return a.value < b.value; });
  std::vector<double> out;
  for (std::int32_t r = 0; r <= options_.replicates; ++r) {
    const bool data = r == options_.replicates;
    const std::vector<double> seed_weight = seed_weights(values.size(), method, r);
    const std::uint16_t* person = weights_.data() + at(data ? 0 : r) * at(people_);
    // Stretched weights of seeds can fall below 0; a tail has no room for those.
    const auto weight_of = [&](const Unit& each) {
      return std::max(0.0, seed_weight[each.seed]) * (data ? 1.0 : static_cast<double>(person[each.person]));
    };
    double total = 0.0, sum = 0.0, count = 0.0;
    for (const Unit& each : units) total += weight_of(each);
    for (std::size_t i = 0; i < units.size() && count < share * total; ++i) {
      const double weight = std::min(weight_of(units[i]), share * total - count);
      sum += weight * units[i].value;
      count += weight;
    }
    out.push_back(count > 0.0 ? sum / count : unknown_value);
  }
  return out;
}

Estimate CrossedBootstrap::estimate(std::vector<double> found) const {
  Estimate out;
  out.mean = found.back();
  found.pop_back();
  std::erase_if(found, [](double value) { return std::isnan(value); });
  if (people_ < 2 || found.empty() || std::isnan(out.mean)) {
    out.low = out.high = out.p = out.standard_error = unknown_value;
    return out;
  }
  out.standard_error = std::sqrt(variance_of(found));
  std::sort(found.begin(), found.end());
  out.low = quantile_of(found, 0.025);
  out.high = quantile_of(found, 0.975);
  out.p = two_sided_p(found);
  return out;
}

Estimate CrossedBootstrap::mean(const SeedValues& values, std::uint32_t method) const {
  return estimate(replicates(values, method));
}

Estimate CrossedBootstrap::difference(const SeedValues& a, std::uint32_t method_a, const SeedValues& b,
                                      std::uint32_t method_b) const {
  return difference(replicates(a, method_a), replicates(b, method_b));
}

Estimate CrossedBootstrap::difference(std::vector<double> a, std::span<const double> b) const {
  for (std::size_t r = 0; r < a.size(); ++r) a[r] -= b[r];
  return estimate(std::move(a));
}

double pairing_gain(std::span<const double> a, std::span<const double> b) {
  std::vector<double> differences;
  for (std::size_t r = 0; r + 1 < std::min(a.size(), b.size()); ++r) differences.push_back(a[r] - b[r]);
  const double paired = variance_of(differences);
  if (!(paired > 0.0)) return unknown_value;
  return (variance_of(a.first(a.size() - 1)) + variance_of(b.first(b.size() - 1))) / paired;
}

std::vector<double> share_beyond(std::span<const double> a, std::span<const double> b) {
  std::vector<double> out;
  for (std::size_t r = 0; r < a.size(); ++r) out.push_back((a[r] - b[r]) / a[r]);
  return out;
}

std::vector<double> holm_adjusted(std::span<const double> p) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (!std::isnan(p[i])) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> out(p.size(), unknown_value);
  double largest = 0.0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    largest = std::max(largest, std::min(1.0, p[order[k]] * static_cast<double>(order.size() - k)));
    out[order[k]] = largest;
  }
  return out;
}

}  // namespace veer

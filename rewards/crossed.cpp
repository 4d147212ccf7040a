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
  // As many draws as seeds give (S - 1) / S of the variance between seeds, half of it for two: their weights
  // are stretched around 1, which makes up for it and leaves the total weight as it is.
  const double stretch =
      seeds > 1 ? std::sqrt(static_cast<double>(seeds) / static_cast<double>(seeds - 1)) : 1.0;
  std::vector<std::uint16_t> seed_draws;
  for (std::int32_t r = 0; r <= options_.replicates; ++r) {
    const bool data = r == options_.replicates;
    seed_draws.assign(seeds, data ? 1 : 0);
    if (!data) draw_weights({options_.seed, at(r), method + 1}, seed_draws);
    const std::uint16_t* person = weights_.data() + at(data ? 0 : r) * at(people_);
    double sum = 0.0, count = 0.0;
    for (std::size_t s = 0; s < seeds; ++s) {
      double seed_sum = 0.0, seed_count = 0.0;
      for (std::size_t p = 0; p < at(people_); ++p) {
        const double weight = data ? 1.0 : static_cast<double>(person[p]);
        seed_sum += weight * sums[s * at(people_) + p];
        seed_count += weight * counts[s * at(people_) + p];
      }
      const double seed_weight = 1.0 + stretch * (static_cast<double>(seed_draws[s]) - 1.0);
      sum += seed_weight * seed_sum;
      count += seed_weight * seed_count;
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
    out.low = out.high = out.p = unknown_value;
    return out;
  }
  std::sort(found.begin(), found.end());
  out.low = quantile_of(found, 0.025);
  out.high = quantile_of(found, 0.975);
  const auto not_above =
      static_cast<double>(std::count_if(found.begin(), found.end(), [](double v) { return v <= 0; }));
  const auto not_below =
      static_cast<double>(std::count_if(found.begin(), found.end(), [](double v) { return v >= 0; }));
  const double all = static_cast<double>(found.size()) + 1.0;
  out.p = std::min(1.0, 2.0 * std::min(not_above + 1.0, not_below + 1.0) / all);
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

#include "rewards/summary.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "env/random.h"

namespace veer {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t bootstrap_limit = 20000;

/// Everybody with a defined value, in the order of their first one: what their values sum to, and how many.
struct People {
  std::vector<double> sums;
  std::vector<double> counts;

  std::size_t size() const noexcept { return sums.size(); }
};

People people_of(std::span<const float> values, std::span<const UserId> owners) {
  People people;
  std::unordered_map<UserId, std::size_t> places;  // looked up, never walked: its order reaches nothing
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) continue;
    const std::size_t place =
        owners.empty() ? people.size() : places.try_emplace(owners[i], people.size()).first->second;
    if (place == people.size()) {
      people.sums.push_back(0.0);
      people.counts.push_back(0.0);
    }
    people.sums[place] += double{values[i]};
    people.counts[place] += 1.0;
  }
  return people;
}

/// How often each of `people` is drawn in replicate `r`, as many draws as people.
void draw(std::uint64_t seed, std::size_t r, std::span<std::uint16_t> weights) {
  const StepKey key{seed, r, 0};
  PhiloxBlock block{};
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (i % 4 == 0) block = random_block(key, Stream::bootstrap, static_cast<std::uint32_t>(i / 4));
    ++weights[static_cast<std::size_t>((std::uint64_t{block[i % 4]} * weights.size()) >> 32)];
  }
}

/// Mean over values when person i counts weights[i] times. Four sums side by side, in a fixed order, because
/// one would wait for the adder.
double weighted_mean(const People& people, std::span<const std::uint16_t> weights) {
  std::array<double, 4> total{}, count{};
  const auto add = [&](std::size_t i, std::size_t place) {
    const double weight = weights[i];
    total[place] += weight * people.sums[i];
    count[place] += weight * people.counts[i];
  };
  std::size_t i = 0;
  for (; i + 4 <= weights.size(); i += 4) {
    for (std::size_t place = 0; place < 4; ++place) add(i + place, place);
  }
  for (; i < weights.size(); ++i) add(i, i % 4);
  return (total[0] + total[1] + (total[2] + total[3])) / (count[0] + count[1] + (count[2] + count[3]));
}

}  // namespace

std::string_view name_of(Interval interval) noexcept {
  switch (interval) {
    case Interval::bootstrap:
      return "bootstrap";
    case Interval::normal:
      return "normal";
    case Interval::automatic:
      return "automatic";
  }
  return "unknown";
}

double two_sided_p(const std::vector<double>& sorted) {
  const auto not_above = std::ranges::upper_bound(sorted, 0.0) - sorted.begin();
  const auto not_below = sorted.end() - std::ranges::lower_bound(sorted, 0.0);
  return std::min(1.0, 2.0 * static_cast<double>(std::min(not_above, not_below) + 1) /
                           static_cast<double>(sorted.size() + 1));
}

double quantile_of(const std::vector<double>& sorted, double q) {
  const double position = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

bool Summariser::resamples(std::size_t people) const noexcept {
  return options_.interval == Interval::bootstrap ||
         (options_.interval == Interval::automatic && people <= bootstrap_limit);
}

std::span<const std::uint16_t> Summariser::draws(std::size_t people) {
  const auto found = std::ranges::find(kept_, people, &std::pair<std::size_t, Weights>::first);
  if (found != kept_.end()) return found->second;
  if (kept_.size() == 2) kept_.erase(kept_.begin());
  const auto replicates = static_cast<std::size_t>(std::max(1, options_.replicates));
  Weights weights(replicates * people, 0);
  for (std::size_t r = 0; r < replicates; ++r)
    draw(options_.seed, r, std::span(weights).subspan(r * people, people));
  return kept_.emplace_back(people, std::move(weights)).second;
}

Summary summarise(std::span<const float> values, const SummaryOptions& options,
                  std::span<const UserId> people) {
  return Summariser(options)(values, people);
}

Summary Summariser::operator()(std::span<const float> values, std::span<const UserId> owners) {
  assert(owners.empty() || owners.size() == values.size());
  const People people = people_of(values, owners);
  double sum = 0.0;
  Summary summary;
  double n = 0.0;
  for (std::size_t i = 0; i < people.size(); ++i) {
    sum += people.sums[i];
    n += people.counts[i];
  }
  summary.count = static_cast<std::int64_t>(n);
  summary.people = static_cast<std::int64_t>(people.size());
  const auto groups = static_cast<double>(summary.people);
  summary.mean = summary.count == 0 ? undefined : sum / n;
  const bool bootstrap = resamples(people.size());
  summary.interval = bootstrap ? Interval::bootstrap : Interval::normal;
  if (summary.people < 2) {
    summary.standard_error = summary.low = summary.high = summary.p = undefined;
    return summary;
  }
  double squares = 0.0;
  for (std::size_t i = 0; i < people.size(); ++i) {
    const double residual = people.sums[i] - people.counts[i] * summary.mean;
    squares += residual * residual;
  }
  summary.standard_error = std::sqrt(squares * groups / (groups - 1.0)) / n;
  if (!bootstrap) {
    summary.low = summary.mean - 1.959963985 * summary.standard_error;
    summary.high = summary.mean + 1.959963985 * summary.standard_error;
    summary.p = summary.standard_error > 0.0
                    ? std::erfc(std::abs(summary.mean) / summary.standard_error / std::sqrt(2.0))
                    : (summary.mean == 0.0 ? 1.0 : 0.0);
    return summary;
  }
  const std::span<const std::uint16_t> weights = draws(people.size());
  std::vector<double> means(weights.size() / people.size());
  for (std::size_t r = 0; r < means.size(); ++r)
    means[r] = weighted_mean(people, weights.subspan(r * people.size(), people.size()));
  std::ranges::sort(means);
  summary.p = two_sided_p(means);
  summary.low = quantile_of(means, 0.025);
  summary.high = quantile_of(means, 0.975);
  return summary;
}

std::vector<float> difference_of(std::span<const float> a, std::span<const float> b) {
  assert(a.size() == b.size());
  std::vector<float> difference(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) difference[i] = a[i] - b[i];
  return difference;
}

}  // namespace veer

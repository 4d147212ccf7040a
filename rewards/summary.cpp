#include "rewards/summary.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "env/random.h"

namespace veer {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t bootstrap_limit = 20000;

/// Linear interpolation between order statistics. REQUIRES: sorted, not empty.
double quantile(const std::vector<double>& sorted, double q) {
  const double position = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
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

Summary summarise(std::span<const float> values, const SummaryOptions& options) {
  std::vector<double> defined;
  defined.reserve(values.size());
  double sum = 0.0;
  for (const float value : values) {
    if (std::isnan(value)) continue;
    defined.push_back(double{value});
    sum += double{value};
  }
  Summary summary;
  summary.count = static_cast<std::int64_t>(defined.size());
  const auto n = static_cast<double>(summary.count);
  summary.mean = summary.count == 0 ? undefined : sum / n;
  const bool bootstrap = options.interval == Interval::bootstrap ||
                         (options.interval == Interval::automatic && summary.count <= bootstrap_limit);
  summary.interval = bootstrap ? Interval::bootstrap : Interval::normal;
  if (summary.count < 2) {
    summary.standard_error = summary.low = summary.high = undefined;
    return summary;
  }
  double squares = 0.0;
  for (const double value : defined) squares += (value - summary.mean) * (value - summary.mean);
  summary.standard_error = std::sqrt(squares / (n - 1.0) / n);
  if (!bootstrap) {
    summary.low = summary.mean - 1.959963985 * summary.standard_error;
    summary.high = summary.mean + 1.959963985 * summary.standard_error;
    return summary;
  }
  std::vector<double> means(static_cast<std::size_t>(std::max(1, options.replicates)));
  for (std::size_t r = 0; r < means.size(); ++r) {
    const StepKey key{options.seed, r, 0};
    double total = 0.0;
    PhiloxBlock block{};
    for (std::size_t i = 0; i < defined.size(); ++i) {
      if (i % 4 == 0) block = random_block(key, Stream::bootstrap, static_cast<std::uint32_t>(i / 4));
      total += defined[static_cast<std::size_t>((std::uint64_t{block[i % 4]} * defined.size()) >> 32)];
    }
    means[r] = total / n;
  }
  std::ranges::sort(means);
  summary.low = quantile(means, 0.025);
  summary.high = quantile(means, 0.975);
  return summary;
}

std::vector<float> difference_of(std::span<const float> a, std::span<const float> b) {
  assert(a.size() == b.size());
  std::vector<float> difference(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) difference[i] = a[i] - b[i];
  return difference;
}

}  // namespace veer

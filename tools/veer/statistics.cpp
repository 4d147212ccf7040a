#include "tools/veer/statistics.h"

#include <array>
#include <cmath>
#include <vector>

namespace veer::tools {
namespace {

/// 97.5 % quantile of Student's t: a table for few degrees of freedom, the Cornish-Fisher expansion (error
/// below 1e-3) beyond it.
double t_quantile(std::int64_t degrees) {
  constexpr std::array<double, 10> table{12.706, 4.303, 3.182, 2.776, 2.571,
                                         2.447,  2.365, 2.306, 2.262, 2.228};
  if (degrees <= static_cast<std::int64_t>(table.size())) return table[static_cast<std::size_t>(degrees - 1)];
  constexpr double z = 1.959964;
  const auto n = static_cast<double>(degrees);
  return z + (z * z * z + z) / (4.0 * n) +
         (5.0 * std::pow(z, 5) + 16.0 * z * z * z + 3.0 * z) / (96.0 * n * n);
}

int sign(double value) { return (value > 0.0) - (value < 0.0); }

}  // namespace

Interval mean_interval(std::span<const double> values) {
  double sum = 0.0;
  std::int64_t count = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    sum += value;
    ++count;
  }
  if (count == 0) return {};
  const double mean = sum / static_cast<double>(count);
  double squares = 0.0;
  for (const double value : values) {
    if (std::isfinite(value)) squares += (value - mean) * (value - mean);
  }
  if (count < 2) return {mean, 0.0, count};
  const double deviation = std::sqrt(squares / static_cast<double>(count - 1));
  return {mean, t_quantile(count - 1) * deviation / std::sqrt(static_cast<double>(count)), count};
}

double kendall_tau(std::span<const double> a, std::span<const double> b) {
  std::int64_t agreement = 0;
  std::int64_t ordered_a = 0;
  std::int64_t ordered_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = i + 1; j < a.size(); ++j) {
      const int in_a = sign(a[i] - a[j]);
      const int in_b = sign(b[i] - b[j]);
      agreement += in_a * in_b;
      ordered_a += in_a != 0 ? 1 : 0;
      ordered_b += in_b != 0 ? 1 : 0;
    }
  }
  if (ordered_a == 0 || ordered_b == 0) return 0.0;
  return static_cast<double>(agreement) /
         std::sqrt(static_cast<double>(ordered_a) * static_cast<double>(ordered_b));
}

}  // namespace veer::tools

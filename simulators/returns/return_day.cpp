#include "simulators/returns/return_day.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>

#include "env/error.h"

namespace veer {
namespace {

constexpr double least_chance = 0.001, most_chance = 0.999;

double unclipped(const ReturnModel& model, std::span<const float> features, double worth) noexcept {
  double base = model.weights.back();
  for (std::size_t i = 0; i < features.size(); ++i) base += double{model.weights[i]} * double{features[i]};
  return base + double{model.satisfaction} * worth + double{model.constant};
}

std::span<const float> person(const ReturnLog& log, std::size_t session) {
  return std::span(log.people).subspan(session * at(log.features), at(log.features));
}

/// d ln p(day) / dP.
double slope_of(double chance, std::int32_t day) noexcept {
  const double rest = 1.0 - chance, all = std::pow(rest, most_days_away);
  return 1.0 / chance - (day - 1) / rest - most_days_away * all / rest / (1.0 - all);
}

/// Expected square of that slope.
double information_of(double chance) noexcept {
  const auto days = return_days(chance);
  double sum = 0.0;
  for (std::int32_t d = 1; d <= most_days_away; ++d) {
    const double slope = slope_of(chance, d);
    sum += days[at(d - 1)] * slope * slope;
  }
  return sum;
}

/// Solves a x = b in place by Cholesky; a [n, n] symmetric and positive definite thanks to its ridge.
void solve(std::vector<double>& a, std::vector<double>& b) {
  const std::size_t n = b.size();
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t k = 0; k < j; ++k) {
      for (std::size_t i = j; i < n; ++i) a[i * n + j] -= a[i * n + k] * a[j * n + k];
    }
    const double root = std::sqrt(a[j * n + j]);
    for (std::size_t i = j; i < n; ++i) a[i * n + j] /= root;
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= a[i * n + k] * b[k];
    b[i] /= a[i * n + i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) b[i] -= a[k * n + i] * b[k];
    b[i] /= a[i * n + i];
  }
}

void check_log(const ReturnLog& log) {
  const auto reject = [](const std::string& field, const std::string& found, const std::string& expected) {
    throw ConfigError(Where{{}, 0, "return log: " + field}, Problem{found, expected, ""});
  };
  if (log.size() == 0) reject("sessions", "none", "at least one");
  if (log.worth.size() != log.size() || log.people.size() != log.size() * at(log.features)) {
    reject("columns", "lengths that differ", "one worth and one row of features per session");
  }
  for (std::size_t i = 0; i < log.size(); ++i) {
    const std::string where = "session " + std::to_string(i);
    if (log.day[i] < 1 || log.day[i] > most_days_away) {
      reject(where, "day " + std::to_string(log.day[i]), "1 to " + std::to_string(most_days_away));
    }
    const std::span<const float> features = person(log, i);
    if (!std::isfinite(log.worth[i]) ||
        !std::ranges::all_of(features, [](float value) { return std::isfinite(value); })) {
      reject(where, "a value that is not finite", "finite numbers");
    }
  }
}

}  // namespace

double ReturnModel::chance(std::span<const float> features, double worth) const noexcept {
  return std::clamp(unclipped(*this, features, worth), least_chance, most_chance);
}

std::array<double, most_days_away> return_days(double chance) noexcept {
  std::array<double, most_days_away> out{};
  double still_away = 1.0;
  const double all = 1.0 - std::pow(1.0 - chance, most_days_away);
  for (double& each : out) {
    each = chance * still_away / all;
    still_away *= 1.0 - chance;
  }
  return out;
}

std::int32_t draw_return_day(double chance, const StepKey& key) noexcept {
  const auto days = return_days(chance);
  double left = double{uniform(key, Stream::leave)};
  for (std::int32_t d = 1; d < most_days_away; ++d) {
    left -= days[at(d - 1)];
    if (left < 0.0) return d;
  }
  return most_days_away;
}

ReturnModel true_returns(std::int32_t features, std::uint64_t seed, float spread) {
  ReturnModel out;
  out.weights.assign(at(features) + 1, 0.0F);
  const double deviation = double{spread} / std::sqrt(static_cast<double>(features));
  for (std::int32_t i = 0; i < features; ++i) {
    // Box and Muller.
    const StepKey key{seed, at(i), 0};
    const double u = 1.0 - double{uniform(key, Stream::initialise, 0)};
    const double angle = 2.0 * std::numbers::pi * double{uniform(key, Stream::initialise, 1)};
    out.weights[at(i)] = static_cast<float>(deviation * std::sqrt(-2.0 * std::log(u)) * std::cos(angle));
  }
  return out;
}

ReturnModel untrained_returns(std::int32_t features, std::uint64_t seed) {
  ReturnModel out;
  const double bound = 1.0 / std::sqrt(static_cast<double>(features));
  for (std::int32_t i = 0; i <= features; ++i) {
    const double u = double{uniform(StepKey{seed, at(i), 1}, Stream::initialise)};
    out.weights.push_back(static_cast<float>(bound * (2.0 * u - 1.0)));
  }
  return out;
}

ReturnModel fit_returns(const ReturnLog& log) {
  check_log(log);
  ReturnModel model;
  const std::size_t n = at(log.features) + 1;
  std::vector<double> weights(n, 0.0);
  model.weights.assign(n, 0.0F);
  for (std::int32_t step = 0; step < 100; ++step) {
    std::vector<double> information(n * n, 0.0), slope(n, 0.0);
    for (std::size_t i = 0; i < n; ++i) information[i * n + i] = 1e-6;
    for (std::size_t s = 0; s < log.size(); ++s) {
      const std::span<const float> x = person(log, s);
      const double chance = model.chance(x, double{log.worth[s]});
      const double weight = information_of(chance), gain = slope_of(chance, log.day[s]);
      const auto value = [&](std::size_t i) { return i + 1 == n ? 1.0 : double{x[i]}; };
      for (std::size_t i = 0; i < n; ++i) {
        slope[i] += gain * value(i);
        for (std::size_t j = 0; j <= i; ++j) information[i * n + j] += weight * value(i) * value(j);
      }
    }
    solve(information, slope);
    double length = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      weights[i] += slope[i];
      model.weights[i] = static_cast<float>(weights[i]);
      length = std::max(length, std::abs(slope[i]));
    }
    if (length < 1e-6) break;
  }
  return model;
}

double mean_surprise(const ReturnModel& model, const ReturnLog& log) {
  double sum = 0.0;
  for (std::size_t s = 0; s < log.size(); ++s) {
    const double chance = model.chance(person(log, s), double{log.worth[s]});
    sum -= std::log(return_days(chance)[at(log.day[s] - 1)]);
  }
  return sum / static_cast<double>(log.size());
}

}  // namespace veer

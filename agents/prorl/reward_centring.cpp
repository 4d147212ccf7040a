#include "agents/prorl/reward_centring.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "env/error.h"

namespace veer::prorl {
namespace {

[[noreturn]] void reject_option(const std::string& field, const std::string& found,
                                const std::string& expected) {
  throw ConfigError(Where{{}, 0, field}, Problem{found, expected, ""});
}

}  // namespace

RewardCentring::RewardCentring(const CentringOptions& options) : options_(options) {
  bool all_zero = true;
  for (std::size_t m = 0; m < metric_count; ++m) {
    const double weight = options.weights[m];
    if (!std::isfinite(weight)) {
      reject_option("weight of " + std::string(metric_names[m]), std::to_string(weight), "a finite number");
    }
    all_zero = all_zero && weight == 0.0;
  }
  if (all_zero) reject_option("reward weights", "all 0", "at least one that is not, or nothing is rewarded");
  if (!std::isfinite(options.shift)) reject_option("shift", std::to_string(options.shift), "a finite number");
  if (!std::isfinite(options.acceptance_share)) {
    reject_option("acceptance_share", std::to_string(options.acceptance_share), "a finite number");
  }
  if (!(options.least_deviation > 0.0)) {
    reject_option("least_deviation", std::to_string(options.least_deviation), "more than 0");
  }
}

void RewardCentring::learn(const StepRewards& steps) {
  std::int64_t count = 0;
  std::array<double, metric_count> sum{}, squares{};
  for (std::size_t i = 0; i < steps.kind.size(); ++i) {
    if (steps.kind[i] != StepKind::real) continue;
    ++count;
    for (std::size_t m = 0; m < metric_count; ++m) sum[m] += double{steps.raw[m][i]};
  }
  if (count == 0) return;
  const auto n = static_cast<double>(count);
  for (std::size_t i = 0; i < steps.kind.size(); ++i) {
    if (steps.kind[i] != StepKind::real) continue;
    for (std::size_t m = 0; m < metric_count; ++m) {
      const double away = double{steps.raw[m][i]} - sum[m] / n;
      squares[m] += away * away;
    }
  }
  const auto before = static_cast<double>(count_), all = before + n;
  for (std::size_t m = 0; m < metric_count; ++m) {
    const double apart = sum[m] / n - mean_[m];
    squares_[m] += squares[m] + apart * apart * before * n / all;
    mean_[m] += apart * n / all;
  }
  count_ += count;
}

double RewardCentring::deviation(Metric metric) const noexcept {
  if (count_ < 2) return options_.least_deviation;
  const double squares = squares_[at(static_cast<std::int64_t>(metric))];
  return std::max(options_.least_deviation, std::sqrt(squares / static_cast<double>(count_ - 1)));
}

std::vector<float> RewardCentring::fuse(const StepRewards& steps) const {
  std::array<double, metric_count> least{};
  bool any = false;
  for (std::size_t i = 0; i < steps.kind.size(); ++i) {
    if (steps.kind[i] != StepKind::real) continue;
    for (std::size_t m = 0; m < metric_count; ++m) {
      least[m] = any ? std::min(least[m], double{steps.raw[m][i]}) : double{steps.raw[m][i]};
    }
    any = true;
  }
  std::vector<float> out(steps.kind.size(), 0.0F);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const StepKind kind = steps.kind[i];
    if (kind == StepKind::none) continue;
    double sum = options_.shift;
    for (std::size_t m = 0; m < metric_count; ++m) {
      const bool acceptance = static_cast<Metric>(m) == Metric::acceptance;
      double raw = double{steps.raw[m][i]};
      if (kind == StepKind::invalid) raw = acceptance ? -1.0 : least[m] - 1.0;
      if (kind == StepKind::duplicate && acceptance) raw = 0.0;
      const double z = (raw - (options_.centre ? mean_[m] : 0.0)) / deviation(static_cast<Metric>(m));
      sum += options_.weights[m] * (acceptance ? options_.acceptance_share : 1.0) * z;
    }
    out[i] = static_cast<float>(sum);
  }
  return out;
}

void RewardCentring::save(NamedArrays& state) const {
  state.set_scalar<std::int64_t>("count", count_);
  state.set<double>("mean", mean_);
  state.set<double>("squares", squares_);
}

void RewardCentring::restore(const NamedArrays& state) {
  count_ = state.scalar<std::int64_t>("count");
  for (const auto& [name, values] : {std::pair{"mean", &mean_}, {"squares", &squares_}}) {
    const auto from = state.get<double>(name);
    if (from.size() != metric_count) {
      throw FormatError(Where{{}, 0, name}, Problem{std::to_string(from.size()) + " values", "3", ""});
    }
    std::copy(from.begin(), from.end(), values->begin());
  }
}

}  // namespace veer::prorl

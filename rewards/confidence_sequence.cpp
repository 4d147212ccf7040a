#include "rewards/confidence_sequence.h"

#include <cassert>
#include <cmath>
#include <limits>
#include <string>

#include "env/error.h"

namespace veer {
namespace {

/// The h that makes sqrt((V + h) ln((V + h) / (h a^2))) smallest at this V: V / h = x - 1 with
/// x - ln x = 1 - 2 ln a, found by its fixed point.
double tightest_mixture(double variance, double miss) {
  const double wanted = 1.0 - 2.0 * std::log(miss);
  double x = wanted;
  for (int i = 0; i < 60; ++i) x = wanted + std::log(x);
  return variance / (x - 1.0);
}

}  // namespace

ConfidenceSequence::ConfidenceSequence(const ConfidenceSequenceOptions& options) : options_(options) {
  const auto refuse = [](const char* what, const std::string& found, const char* expected) {
    throw ConfigError({{}, 0, std::string("confidence sequence: ") + what}, {found, expected, ""});
  };
  if (!(options.miss > 0.0 && options.miss < 1.0))
    refuse("miss", std::to_string(options.miss), "more than 0 and less than 1");
  if (!(options.tightest_at > 0.0)) refuse("tightest_at", std::to_string(options.tightest_at), "more than 0");
  if (options.least_people < 2) refuse("least_people", std::to_string(options.least_people), "2 or more");
}

void ConfidenceSequence::add(std::span<const float> values, std::span<const UserId> people) {
  assert(values.size() == people.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) continue;
    const std::size_t place =
        people[i] < 0 ? people_.size() : places_.try_emplace(people[i], people_.size()).first->second;
    if (place == people_.size()) people_.emplace_back();
    people_[place].values += double{values[i]};
    people_[place].count += 1.0;
  }
}

Look ConfidenceSequence::look() {
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  constexpr double infinite = std::numeric_limits<double>::infinity();
  double sum = 0.0, count = 0.0, squares = 0.0;
  for (const Sums& person : people_) {
    sum += person.values;
    count += person.count;
  }
  Look out{.count = static_cast<std::int64_t>(count),
           .people = static_cast<std::int64_t>(people_.size()),
           .mean = count > 0.0 ? sum / count : unknown,
           .low = -infinite,
           .high = infinite,
           .standard_error = unknown};
  if (out.people < 2) return out;
  for (const Sums& person : people_) {
    const double residual = person.values - person.count * out.mean;
    squares += residual * residual;
  }
  const auto groups = static_cast<double>(out.people);
  const double variance = squares * groups / (groups - 1.0);
  out.standard_error = std::sqrt(variance) / count;
  if (out.people < options_.least_people || !(variance > 0.0)) return out;
  if (mixture_ == 0.0) mixture_ = tightest_mixture(variance * options_.tightest_at, options_.miss);
  const double reached = variance + mixture_;
  const double half =
      std::sqrt(reached * std::log(reached / (mixture_ * options_.miss * options_.miss))) / count;
  out.low = out.mean - half;
  out.high = out.mean + half;
  return out;
}

}  // namespace veer

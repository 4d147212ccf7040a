#include <cmath>
#include <map>

#include "simulators/shift/shift_fit.h"

namespace veer::shift {

ClusteredMean clustered_mean(const Cases& cases, std::span<const float> difference) {
  struct Person {
    double sum = 0.0;
    double count = 0.0;
  };
  std::map<UserId, Person> people;  // ordered: the sums below have one order
  for (std::size_t c = 0; c < cases.size(); ++c) {
    for (std::int64_t i = cases.offsets[c]; i < cases.offsets[c + 1]; ++i) {
      const double value = difference[static_cast<std::size_t>(i)];
      if (std::isnan(value)) continue;
      Person& person = people[cases.cuts[c].user];
      person.sum += value;
      person.count += 1.0;
    }
  }
  ClusteredMean result;
  double sum = 0.0, count = 0.0;
  for (const auto& [user, person] : people) {
    sum += person.sum;
    count += person.count;
  }
  result.people = static_cast<std::int64_t>(people.size());
  result.events = static_cast<std::int64_t>(count);
  if (people.empty()) return result;
  result.mean = sum / count;
  double squares = 0.0;
  for (const auto& [user, person] : people) {
    const double residual = person.sum - result.mean * person.count;
    squares += residual * residual;
  }
  const double n = static_cast<double>(people.size());
  const double error = n > 1.0 ? std::sqrt(squares * n / (n - 1.0)) / count : INFINITY;
  result.low = result.mean - 1.959964 * error;
  result.high = result.mean + 1.959964 * error;
  return result;
}

}  // namespace veer::shift

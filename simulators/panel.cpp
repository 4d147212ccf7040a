#include "simulators/panel.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "env/error.h"

namespace veer {
namespace {

/// Ranks 1..n; equal values share the mean of their places.
std::vector<double> ranks_of(std::span<const float> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return values[a] != values[b] ? values[a] < values[b] : a < b;
  });
  std::vector<double> ranks(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first + 1;
    while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
    const double mean = (static_cast<double>(first + 1) + static_cast<double>(last)) / 2.0;
    for (std::size_t i = first; i < last; ++i) ranks[order[i]] = mean;
    first = last;
  }
  return ranks;
}

}  // namespace

Panel::Panel(std::vector<Judge> judges) : judges_(std::move(judges)) {
  const auto reject = [](const std::string& found, const std::string& expected) {
    throw ConfigError({.file = {}, .line = 0, .field = "panel"}, {found, expected, {}});
  };
  if (judges_.empty()) reject("no judge", "at least one");
  std::set<std::string> names;
  for (const Judge& judge : judges_) {
    if (judge.model == nullptr) reject("judge '" + judge.name + "' without a model", "a user model");
    if (!names.insert(judge.name).second) reject("two judges named '" + judge.name + "'", "different names");
    const std::int32_t items = judge.model->spec().items;
    const std::int32_t expected = judges_.front().model->spec().items;
    if (items != expected) {
      reject("judge '" + judge.name + "' of " + std::to_string(items) + " items",
             std::to_string(expected) + " items like the first judge");
    }
  }
}

std::vector<std::string> Panel::names() const {
  std::vector<std::string> names;
  for (const Judge& judge : judges_) names.push_back(judge.name);
  return names;
}

void Panel::judge(Trajectories& paths, std::int64_t cache_mb) const {
  if (!paths.judges.empty()) {
    throw ConfigError(
        {.file = {}, .line = 0, .field = "panel"},
        {"paths that judge '" + paths.judges.front().judge + "' has scored", "paths nobody scored", {}});
  }
  for (const Judge& judge : judges_) judge_paths(*judge.model, judge.name, paths, cache_mb);
}

std::vector<Spread> spread_between_judges(View<const float> values) {
  assert(values.rows() > 0);
  std::vector<Spread> spreads(static_cast<std::size_t>(values.width()));
  for (std::int32_t i = 0; i < values.width(); ++i) {
    double sum = 0.0, squares = 0.0;
    float lowest = values(0, i), highest = values(0, i);
    for (std::int32_t j = 0; j < values.rows(); ++j) {
      const float value = values(j, i);
      sum += double{value};
      lowest = std::min(lowest, value);
      highest = std::max(highest, value);
    }
    const double mean = sum / values.rows();
    for (std::int32_t j = 0; j < values.rows(); ++j) {
      squares += (double{values(j, i)} - mean) * (double{values(j, i)} - mean);
    }
    Spread& spread = spreads[static_cast<std::size_t>(i)];
    spread.mean = static_cast<float>(mean);
    // A NaN anywhere makes the mean NaN; minimum and maximum would hide it.
    spread.range = std::isnan(mean) ? spread.mean : highest - lowest;
    spread.deviation = static_cast<float>(std::sqrt(squares / values.rows()));
  }
  return spreads;
}

double rank_correlation(std::span<const float> a, std::span<const float> b) {
  assert(a.size() == b.size());
  const double undefined = std::numeric_limits<double>::quiet_NaN();
  if (a.size() < 2) return undefined;
  const std::vector<double> ranks_a = ranks_of(a), ranks_b = ranks_of(b);
  const double mean = (static_cast<double>(a.size()) + 1.0) / 2.0;
  double products = 0.0, squares_a = 0.0, squares_b = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    products += (ranks_a[i] - mean) * (ranks_b[i] - mean);
    squares_a += (ranks_a[i] - mean) * (ranks_a[i] - mean);
    squares_b += (ranks_b[i] - mean) * (ranks_b[i] - mean);
  }
  if (squares_a == 0.0 || squares_b == 0.0) return undefined;
  return products / std::sqrt(squares_a * squares_b);
}

std::vector<double> judge_agreement(View<const float> values) {
  const auto judges = static_cast<std::size_t>(values.rows());
  std::vector<double> agreement(judges * judges);
  for (std::size_t i = 0; i < judges; ++i) {
    for (std::size_t j = 0; j < judges; ++j) {
      agreement[i * judges + j] = rank_correlation(values.row(static_cast<std::int32_t>(i)),
                                                   values.row(static_cast<std::int32_t>(j)));
    }
  }
  return agreement;
}

}  // namespace veer

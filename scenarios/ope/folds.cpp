#include "scenarios/ope/folds.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "env/error.h"
#include "env/random.h"
#include "scenarios/ope/estimate.h"

namespace veer::ope {
namespace {

/// Calls fill(unit, model) for every unit, with the model of all folds but its own.
template <class Fill>
void fit_and_fill(std::span<const std::int32_t> folds, const FitQ& fit, const Fill& fill) {
  const std::int32_t count = *std::max_element(folds.begin(), folds.end()) + 1;
  for (std::int32_t fold = 0; fold < count; ++fold) {
    std::vector<std::int64_t> others;
    for (std::size_t i = 0; i < folds.size(); ++i) {
      if (folds[i] != fold) others.push_back(static_cast<std::int64_t>(i));
    }
    const QModel model = fit(others);
    for (std::size_t i = 0; i < folds.size(); ++i) {
      if (folds[i] == fold) fill(i, model);
    }
  }
}

template <class Log>
void set_values(Log& log, std::int64_t step, const QModel& model) {
  const StepValues values = model(step);
  log.q_hat[at(step)] = values.q_hat;
  log.v_hat[at(step)] = values.v_hat;
}

}  // namespace

std::vector<std::int32_t> folds_of(std::int64_t units, std::span<const UserId> clusters, std::int32_t folds,
                                   std::uint64_t seed) {
  const ClusterPlaces places = places_of(clusters, units);
  if (folds < 2 || at(folds) > places.count) {
    throw ConfigError(
        Where{{}, 0, "folds"},
        {fmt::format("{}", folds), fmt::format("2 to {}, as many as there are clusters", places.count), ""});
  }
  std::vector<std::int32_t> order(places.count);
  std::iota(order.begin(), order.end(), 0);
  shuffle({seed, 0, 0}, Stream::shuffle, order);
  std::vector<std::int32_t> of_unit(at(units));
  for (std::size_t i = 0; i < of_unit.size(); ++i) of_unit[i] = order[places.of_unit[i]] % folds;
  return of_unit;
}

void cross_fit(TrajectoryLog& log, std::span<const std::int32_t> folds, const FitQ& fit) {
  log.q_hat.assign(log.reward.size(), 0.0);
  log.v_hat.assign(log.reward.size(), 0.0);
  fit_and_fill(folds, fit, [&](std::size_t trajectory, const QModel& model) {
    for (std::int64_t step = log.offsets[trajectory]; step < log.offsets[trajectory + 1]; ++step) {
      set_values(log, step, model);
    }
  });
}

void cross_fit(BanditLog& log, std::span<const std::int32_t> folds, const FitQ& fit) {
  log.q_hat.assign(log.reward.size(), 0.0);
  log.v_hat.assign(log.reward.size(), 0.0);
  fit_and_fill(folds, fit, [&](std::size_t row, const QModel& model) {
    set_values(log, static_cast<std::int64_t>(row), model);
  });
}

}  // namespace veer::ope

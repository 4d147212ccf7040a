#include "scenarios/ope/sequential.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "env/error.h"
#include "scenarios/ope/magic.h"

namespace veer::ope {
namespace {

struct SequentialEntry {
  SequentialEstimator estimator;
  std::string_view name;
  bool model;
};
constexpr std::array<SequentialEntry, 8> sequential_table{{{SequentialEstimator::tis, "tis", false},
                                                           {SequentialEstimator::sn_tis, "sn-tis", false},
                                                           {SequentialEstimator::pdis, "pdis", false},
                                                           {SequentialEstimator::sn_pdis, "sn-pdis", false},
                                                           {SequentialEstimator::dm, "dm", true},
                                                           {SequentialEstimator::dr, "dr", true},
                                                           {SequentialEstimator::wdr, "wdr", true},
                                                           {SequentialEstimator::magic, "magic", true}}};

/// A table with one row per trajectory and `terms` columns. Throws DataError where it would be too large.
Ratios table_of(const TrajectoryLog& log, std::int64_t terms) {
  if (log.trajectories() > most_cells / std::max<std::int64_t>(terms, 1)) {
    throw DataError(
        Where{{}, 0, "episode"},
        {fmt::format("{} trajectories, the longest of {} steps", log.trajectories(), log.longest()),
         fmt::format("at most {} trajectories x steps", most_cells),
         "self-normalised estimators need a table of that size; shorten the longest ones"});
  }
  const std::size_t cells = at(log.trajectories() * terms);
  return {log.trajectories(), terms, std::vector<double>(cells, 0.0), std::vector<double>(cells, 1.0)};
}

/// Calls visit(trajectory, t, step, gamma^t) for all steps in order; t counts from 0 in each trajectory.
template <class Visit>
void for_each_step(const TrajectoryLog& log, const Visit& visit) {
  for (std::size_t i = 0; i + 1 < log.offsets.size(); ++i) {
    double discount = 1.0;
    for (std::int64_t step = log.offsets[i]; step < log.offsets[i + 1]; ++step) {
      visit(i, step - log.offsets[i], at(step), discount);
      discount *= log.gamma;
    }
  }
}

Ratios plain(const TrajectoryLog& log) {
  return {log.trajectories(), 1, std::vector<double>(at(log.trajectories()), 0.0), {}};
}

Ratios whole_trajectory_ratios(const TrajectoryLog& log, std::span<const double> whole, bool normalised) {
  Ratios ratios = plain(log);
  for_each_step(log, [&](std::size_t i, std::int64_t, std::size_t step, double discount) {
    ratios.numerator[i] += whole[i] * discount * log.reward[step];
  });
  if (normalised) ratios.denominator.assign(whole.begin(), whole.end());
  return ratios;
}

Ratios per_decision_ratios(const TrajectoryLog& log, std::span<const double> cumulative) {
  Ratios ratios = plain(log);
  for_each_step(log, [&](std::size_t i, std::int64_t, std::size_t step, double discount) {
    ratios.numerator[i] += discount * cumulative[step] * log.reward[step];
  });
  return ratios;
}

/// One term per step of the longest trajectory: `value(step)` times gamma^t w_t, over w_t. Behind its end a
/// trajectory adds its last weight to the denominators and nothing above. Terms before `first_term` are left
/// 0 over 1.
template <class Value>
Ratios per_step_ratios(const TrajectoryLog& log, std::span<const double> cumulative, std::int64_t first_term,
                       const Value& value) {
  Ratios ratios = table_of(log, log.longest() + first_term);
  const std::size_t terms = at(ratios.terms);
  for_each_step(log, [&](std::size_t i, std::int64_t t, std::size_t step, double discount) {
    const std::size_t cell = i * terms + at(first_term + t);
    ratios.numerator[cell] = discount * cumulative[step] * value(step);
    ratios.denominator[cell] = cumulative[step];
    if (log.end[step] != StepEnd::none) {
      std::fill(ratios.denominator.begin() + static_cast<std::ptrdiff_t>(cell),
                ratios.denominator.begin() + static_cast<std::ptrdiff_t>((i + 1) * terms), cumulative[step]);
    }
  });
  return ratios;
}

double next_value(const TrajectoryLog& log, std::size_t step) {
  return log.end[step] == StepEnd::none ? log.v_hat[step + 1] : 0.0;
}

Ratios model_ratios(const TrajectoryLog& log) {
  Ratios ratios = plain(log);
  for (std::size_t i = 0; i < ratios.numerator.size(); ++i)
    ratios.numerator[i] = log.v_hat[at(log.offsets[i])];
  return ratios;
}

Ratios doubly_robust_ratios(const TrajectoryLog& log, std::span<const double> cumulative) {
  Ratios ratios = model_ratios(log);
  for_each_step(log, [&](std::size_t i, std::int64_t, std::size_t step, double discount) {
    ratios.numerator[i] += discount * cumulative[step] *
                           (log.reward[step] - log.q_hat[step] + log.gamma * next_value(log, step));
  });
  return ratios;
}

}  // namespace

std::span<const SequentialEstimator> sequential_estimators() noexcept {
  static constexpr auto all = [] {
    std::array<SequentialEstimator, sequential_table.size()> list{};
    for (std::size_t i = 0; i < list.size(); ++i) list[i] = sequential_table[i].estimator;
    return list;
  }();
  return all;
}

std::string_view name_of(SequentialEstimator estimator) noexcept {
  return sequential_table[at(int(estimator))].name;
}
bool needs_model(SequentialEstimator estimator) noexcept {
  return sequential_table[at(int(estimator))].model;
}

std::vector<double> trajectory_weights(const TrajectoryLog& log, std::span<const double> cumulative) {
  std::vector<double> whole(at(log.trajectories()));
  for (std::size_t i = 0; i < whole.size(); ++i) whole[i] = cumulative[at(log.offsets[i + 1]) - 1];
  return whole;
}

Ratios wdr_ratios(const TrajectoryLog& log, std::span<const double> cumulative) {
  Ratios ratios = per_step_ratios(log, cumulative, 1, [&](std::size_t step) {
    return log.reward[step] - log.q_hat[step] + log.gamma * next_value(log, step);
  });
  for (std::size_t i = 0; i + 1 < log.offsets.size(); ++i) {
    ratios.numerator[i * at(ratios.terms)] = log.v_hat[at(log.offsets[i])];
  }
  return ratios;
}

Estimate estimate(const TrajectoryLog& log, SequentialEstimator estimator, Summariser& summariser) {
  using enum SequentialEstimator;
  if (needs_model(estimator) && log.q_hat.empty()) {
    throw ConfigError(Where{{}, 0, std::string(name_of(estimator))},
                      {"a log without q_hat and v_hat", "both, of a fitted Q model", ""});
  }
  std::vector<double> cumulative, whole;
  if (estimator != dm) {
    cumulative = cumulative_ratios(log);
    whole = trajectory_weights(log, cumulative);
  }
  const auto ratios = [&]() -> Ratios {
    switch (estimator) {
      case tis:
        return whole_trajectory_ratios(log, whole, false);
      case sn_tis:
        return whole_trajectory_ratios(log, whole, true);
      case pdis:
        return per_decision_ratios(log, cumulative);
      case sn_pdis:
        return per_step_ratios(log, cumulative, 0, [&](std::size_t step) { return log.reward[step]; });
      case dm:
        return model_ratios(log);
      case dr:
        return doubly_robust_ratios(log, cumulative);
      case wdr:
        return wdr_ratios(log, cumulative);
      case magic:
        return magic_of(wdr_ratios(log, cumulative), log.cluster, summariser).ratios;
    }
    return {};
  };
  Estimate out = estimate_of(std::string(name_of(estimator)), ratios(), whole, log.cluster, summariser);
  if (estimator == magic && !std::isnan(out.value)) {
    const Ends ends = interval_of(wdr_ratios(log, cumulative), log.cluster, 0.95, summariser);
    out.low = std::min(ends.low, out.value);
    out.high = std::max(ends.high, out.value);
  }
  return out;
}

Estimate behaviour_value(const TrajectoryLog& log, Summariser& summariser) {
  const std::vector<double> ones(at(log.trajectories()), 1.0);
  return estimate_of("behaviour", whole_trajectory_ratios(log, ones, false), {}, log.cluster, summariser);
}

Estimate behaviour_value(const BanditLog& log, Summariser& summariser) {
  return estimate_of("behaviour", Ratios{log.rows(), 1, log.reward, {}}, {}, log.cluster, summariser);
}

}  // namespace veer::ope

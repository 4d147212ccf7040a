#include "scenarios/ope/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <string_view>

#include "env/error.h"

namespace veer::ope {
namespace {

[[noreturn]] void fail_row(const RowPlace& place, std::string_view field, std::int64_t row, std::string found,
                           std::string expected, std::string hint = "") {
  const Where where = place.file.empty() ? Where{{}, 0, fmt::format("{}, row {}", field, row)}
                                         : Where{place.file, place.first_line + row, std::string(field)};
  throw DataError(where, {std::move(found), std::move(expected), std::move(hint)});
}

void check_length(const RowPlace& place, std::string_view field, std::size_t size, std::size_t expected) {
  if (size == expected) return;
  throw DataError(Where{place.file, 0, std::string(field)},
                  {fmt::format("{} values", size), fmt::format("{}, one per row", expected), ""});
}

void check_finite(const RowPlace& place, std::string_view field, const std::vector<double>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      fail_row(place, field, static_cast<std::int64_t>(i), fmt::format("{}", values[i]), "a finite number");
    }
  }
}

void check_propensities(const RowPlace& place, const ActionKind& kind, const std::vector<double>& behaviour,
                        const std::vector<double>& target) {
  const bool density = kind.space == ActionSpace::continuous;
  const double most = density ? HUGE_VAL : 1.0;
  for (std::size_t i = 0; i < behaviour.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    const double b = behaviour[i], t = target[i];
    if (!(b > 0.0 && b <= most) || std::isinf(b)) {
      fail_row(place, "behaviour", row, fmt::format("{}", b),
               density ? "a density above 0" : "a probability above 0 and at most 1",
               "an action that was logged cannot have been impossible");
    }
    if (!(t >= 0.0 && t <= most) || std::isinf(t)) {
      fail_row(place, "target", row, fmt::format("{}", t),
               density ? "a density of 0 or more" : "a probability from 0 to 1");
    }
    if (kind.deterministic_target && t != 0.0 && t != 1.0) {
      fail_row(place, "target", row, fmt::format("{}", t), "0 or 1, as the policy is deterministic");
    }
  }
}

/// The rules that both kinds of log share.
template <class Log>
void check_columns(const Log& log, const RowPlace& place) {
  if (log.actions.space == ActionSpace::continuous && log.actions.deterministic_target) {
    throw ConfigError(
        Where{place.file, 0, "target"},
        {"a deterministic policy over continuous actions", "a policy with a density",
         "its importance ratios do not exist; evaluate a smoothed policy, such as a Gaussian around its "
         "action, and name that as the target, or use a fitted Q model alone"});
  }
  const std::size_t rows = log.reward.size();
  if (rows == 0) throw DataError(Where{place.file, 0, ""}, {"no rows", "a log of at least one", ""});
  check_length(place, "behaviour", log.behaviour.size(), rows);
  check_length(place, "target", log.target.size(), rows);
  if (!log.q_hat.empty() || !log.v_hat.empty()) {
    check_length(place, "q_hat", log.q_hat.size(), rows);
    check_length(place, "v_hat", log.v_hat.size(), rows);
  }
  check_finite(place, "reward", log.reward);
  check_propensities(place, log.actions, log.behaviour, log.target);
  check_finite(place, "q_hat", log.q_hat);
  check_finite(place, "v_hat", log.v_hat);
}

void check_ends(const TrajectoryLog& log, const RowPlace& place) {
  for (std::size_t i = 0; i + 1 < log.offsets.size(); ++i) {
    for (std::int64_t step = log.offsets[i]; step < log.offsets[i + 1]; ++step) {
      const bool last = step + 1 == log.offsets[i + 1];
      if ((log.end[at(step)] != StepEnd::none) == last) continue;
      fail_row(place, "end", step, last ? "nothing at the last step of a trajectory" : "an end",
               last ? "terminated or truncated" : "nothing before the last step of a trajectory",
               last ? "whether anything would have followed decides what the step is worth" : "");
    }
  }
}

}  // namespace

std::int64_t TrajectoryLog::longest() const noexcept {
  std::int64_t most = 0;
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) most = std::max(most, offsets[i + 1] - offsets[i]);
  return most;
}

void check(const BanditLog& log, const RowPlace& place) {
  check_columns(log, place);
  if (!log.cluster.empty()) check_length(place, "cluster", log.cluster.size(), log.reward.size());
}

void check(const TrajectoryLog& log, const RowPlace& place) {
  if (!(log.gamma >= 0.0 && log.gamma < 1.0)) {
    throw ConfigError(Where{place.file, 0, "gamma"},
                      {fmt::format("{}", log.gamma), "a discount of at least 0 and below 1", ""});
  }
  check_columns(log, place);
  check_length(place, "end", log.end.size(), log.reward.size());
  if (log.offsets.empty() || log.offsets.front() != 0 || log.offsets.back() != log.steps() ||
      std::adjacent_find(log.offsets.begin(), log.offsets.end(), std::greater_equal<>()) !=
          log.offsets.end()) {
    throw DataError(Where{place.file, 0, "offsets"},
                    {"other offsets", fmt::format("0 to {} steps, ascending", log.steps()), ""});
  }
  if (!log.cluster.empty() && log.cluster.size() != at(log.trajectories())) {
    throw DataError(Where{place.file, 0, "cluster"},
                    {fmt::format("{} values", log.cluster.size()),
                     fmt::format("{}, one per trajectory", log.trajectories()), ""});
  }
  check_ends(log, place);
}

void check(const SlateLog& log, const RowPlace& place) {
  TrajectoryLog rules = log.positions;
  rules.gamma = 0.0;  // slates have no discount
  check(rules, place);
  const std::vector<std::int64_t>& offsets = log.positions.offsets;
  for (std::size_t i = 1; i + 1 < offsets.size(); ++i) {
    const std::int64_t width = offsets[i + 1] - offsets[i];
    if (width == offsets[1]) continue;
    fail_row(place, "position", offsets[i], "a slate of " + std::to_string(width) + " positions",
             std::to_string(offsets[1]) + ", as the first one has");
  }
  if (log.item_behaviour.empty() && log.item_target.empty()) return;
  const std::size_t rows = log.positions.reward.size();
  if (log.item_behaviour.size() != rows || log.item_target.size() != rows) {
    fail_row(place, "behaviour_item", static_cast<std::int64_t>(0), "columns of other lengths",
             std::to_string(rows) + " values");
  }
  for (std::size_t row = 0; row < rows; ++row) {
    if (!(log.item_behaviour[row] > 0.0 && log.item_behaviour[row] <= 1.0)) {
      fail_row(place, "behaviour_item", static_cast<std::int64_t>(row),
               std::to_string(log.item_behaviour[row]), "a probability above 0, at most 1");
    }
    if (!(log.item_target[row] >= 0.0 && log.item_target[row] <= 1.0)) {
      fail_row(place, "target_item", static_cast<std::int64_t>(row), std::to_string(log.item_target[row]),
               "a probability from 0 to 1");
    }
  }
}

std::vector<double> importance_ratios(const BanditLog& log) {
  std::vector<double> ratios(log.reward.size());
  for (std::size_t i = 0; i < ratios.size(); ++i) ratios[i] = log.target[i] / log.behaviour[i];
  return ratios;
}

std::vector<double> cumulative_ratios(const TrajectoryLog& log) {
  std::vector<double> products(log.reward.size());
  for (std::size_t i = 0; i + 1 < log.offsets.size(); ++i) {
    double product = 1.0;
    for (std::int64_t step = log.offsets[i]; step < log.offsets[i + 1]; ++step) {
      product *= log.target[at(step)] / log.behaviour[at(step)];
      if (!std::isfinite(product)) {
        fail_row({}, "target", step, "a product of importance ratios beyond 1e308",
                 "trajectories that importance sampling can reach", "shorten them, or use a Q model alone");
      }
      products[at(step)] = product;
    }
  }
  return products;
}

}  // namespace veer::ope

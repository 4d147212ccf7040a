#include "scenarios/ope/fitted/fitted_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>

#include "env/error.h"
#include "env/runtime.h"

namespace veer::ope {
namespace {

void require_values(std::string_view column, std::size_t found, std::int64_t expected) {
  if (found == at(expected)) return;
  throw DataError(Where{{}, 0, std::string(column)},
                  {fmt::format("{} values", found), fmt::format("{}", expected), ""});
}

void require_finite_values(std::string_view column, std::span<const float> values, std::int32_t width) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    throw DataError(Where{{}, 0, fmt::format("{}, row {}", column, i / at(width))},
                    {fmt::format("{}", values[i]), "a finite number", ""});
  }
}

StepEnd end_of_step(EndReason reason, bool last) {
  if (!last) return StepEnd::none;
  return is_terminated(reason) ? StepEnd::terminated : StepEnd::truncated;
}

}  // namespace

void check(const FittedLog& log) {
  if (log.steps() == 0 || log.features < 1 || log.reals < 1) {
    throw DataError(Where{{}, 0, "log"}, {fmt::format("{} steps of {} features and {} reals", log.steps(),
                                                      log.features, log.reals),
                                          "at least one of each", ""});
  }
  require_values("states", log.states.size(), log.value_states() * log.features);
  require_values("actions", log.actions.size(), log.steps() * log.reals);
  require_values("end", log.end.size(), log.steps());
  require_values("episode", log.episode.size(), log.trajectories());
  require_values("user", log.user.size(), log.trajectories());
  if (!log.log_density.empty()) require_values("log_density", log.log_density.size(), log.steps());
  require_finite_values("states", log.states, log.features);
  require_finite_values("actions", log.actions, log.reals);
  require_finite_values("reward", log.reward, 1);
  require_finite_values("log_density", log.log_density, 1);
  for (std::size_t i = 0; i + 1 < log.offsets.size(); ++i) {
    for (std::int64_t step = log.offsets[i]; step < log.offsets[i + 1]; ++step) {
      if ((log.end[at(step)] != StepEnd::none) == (step + 1 == log.offsets[i + 1])) continue;
      throw DataError(Where{{}, 0, fmt::format("end, row {}", step)},
                      {"an end before the last step, or none there", "one end per trajectory", ""});
    }
  }
}

FittedLog fitted_log(const Transitions& t) {
  FittedLog out;
  out.features = t.features;
  out.reals = t.reals;
  std::vector<std::int32_t> order(at(t.count));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    if (t.episode[at(a)] != t.episode[at(b)]) return t.episode[at(a)] < t.episode[at(b)];
    return t.step[at(a)] < t.step[at(b)];
  });
  const std::size_t features = at(t.features), reals = at(t.reals);
  std::vector<float> finals;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::size_t from = at(order[i]);
    const bool first = i == 0 || t.episode[at(order[i - 1])] != t.episode[from];
    const bool last = i + 1 == order.size() || t.episode[at(order[i + 1])] != t.episode[from];
    const std::uint32_t expected = first ? 0 : t.step[at(order[i - 1])] + 1;
    if (t.step[from] != expected || (!last && has_ended(t.end[from]))) {
      throw DataError(Where{{}, 0, fmt::format("episode {}", t.episode[from])},
                      {fmt::format("step {}{}", t.step[from],
                                   t.step[from] == expected ? ", an end, and steps behind it" : ""),
                       fmt::format("step {}, and an end at the last step alone", expected),
                       "an episode's steps count from 0, each of them once"});
    }
    if (first) {
      out.offsets.push_back(static_cast<std::int64_t>(i));
      out.episode.push_back(t.episode[from]);
      out.user.push_back(t.user[from]);
    }
    const auto state = t.observed.begin() + static_cast<std::ptrdiff_t>(from * features);
    out.states.insert(out.states.end(), state, state + t.features);
    const auto action = t.action_reals.begin() + static_cast<std::ptrdiff_t>(from * reals);
    out.actions.insert(out.actions.end(), action, action + t.reals);
    out.reward.push_back(t.reward[from]);
    out.log_density.push_back(t.log_prob[from]);
    out.end.push_back(end_of_step(t.end[from], last));
    if (last) {
      const auto after = t.next_observed.begin() + static_cast<std::ptrdiff_t>(from * features);
      finals.insert(finals.end(), after, after + t.features);
    }
  }
  out.offsets.push_back(static_cast<std::int64_t>(order.size()));
  out.states.insert(out.states.end(), finals.begin(), finals.end());
  check(out);
  return out;
}

TrajectoryLog trajectory_log(const FittedLog& log, double gamma, std::span<const double> target_log_density) {
  TrajectoryLog out;
  out.actions.space = ActionSpace::continuous;
  out.gamma = gamma;
  out.offsets = log.offsets;
  out.reward.assign(log.reward.begin(), log.reward.end());
  out.end = log.end;
  out.cluster = log.user;
  if (target_log_density.empty()) return out;
  require_values("log_density", log.log_density.size(), log.steps());
  require_values("target_log_density", target_log_density.size(), log.steps());
  for (std::size_t i = 0; i < target_log_density.size(); ++i) {
    // Ratios are all that counts, and single densities of many weights may leave the range of double.
    const auto logged = static_cast<double>(log.log_density[i]);
    out.behaviour.push_back(1.0);
    out.target.push_back(std::exp(target_log_density[i] - logged));
  }
  check(out);
  return out;
}

TargetActions target_actions(const FittedLog& log, std::int32_t draws, bool weighted, std::uint64_t seed,
                             const ActByState& act) {
  constexpr std::int64_t shard = 1024;
  std::vector<StepKey> keys(at(log.value_states()));
  for (std::size_t i = 0; i + 1 < log.offsets.size(); ++i) {
    const std::int64_t first = log.offsets[i], last = log.offsets[i + 1];
    for (std::int64_t step = first; step < last; ++step) {
      keys[at(step)] = {seed, log.episode[i], static_cast<std::uint32_t>(step - first)};
    }
    keys[at(log.steps()) + i] = {seed, log.episode[i], static_cast<std::uint32_t>(last - first)};
  }
  TargetActions out;
  out.draws = draws;
  out.actions.resize(keys.size() * at(draws) * at(log.reals));
  if (weighted) out.weights.resize(keys.size() * at(draws));
  parallel_for((log.value_states() + shard - 1) / shard, [&](std::int64_t s) {
    const std::size_t first = at(s * shard);
    const auto rows =
        static_cast<std::int32_t>(std::min<std::int64_t>(shard, log.value_states() - s * shard));
    act({log.states.data() + first * at(log.features), rows, log.features},
        std::span<const StepKey>(keys).subspan(first, at(rows)),
        {out.actions.data() + first * at(draws) * at(log.reals), rows, draws * log.reals},
        weighted ? View<float>(out.weights.data() + first * at(draws), rows, draws) : View<float>());
  });
  return out;
}

}  // namespace veer::ope

#include "scenarios/ope/tabular.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "env/error.h"

namespace veer::ope {
namespace {

[[noreturn]] void fail_step(const char* field, std::size_t step, std::string found, std::string expected) {
  throw DataError(Where{{}, 0, fmt::format("{}, row {}", field, step)},
                  {std::move(found), std::move(expected), ""});
}

std::size_t pair_of(const Tabular& tabular, std::size_t step) {
  return at(tabular.state[step]) * at(tabular.actions) + at(tabular.action[step]);
}

std::vector<double> state_values(const Tabular& tabular, std::span<const double> q) {
  std::vector<double> values(at(tabular.states), 0.0);
  for (std::size_t pair = 0; pair < q.size(); ++pair) {
    values[pair / at(tabular.actions)] += tabular.policy[pair] * q[pair];
  }
  return values;
}

/// How often one state followed one pair.
struct Transition {
  std::size_t pair = 0, next = 0;
  double share = 0.0;  ///< of the steps of the pair
};

/// State frequencies under the policy, step by step, when trajectory i counts times(i): mean over
/// trajectories of sum_t gamma^t u_t rho_t r_t, and what each of them adds when `shares` is not null.
class Marginals {
 public:
  Marginals(const TrajectoryLog& log, const Tabular& tabular) : log_(log), tabular_(tabular) {
    by_time_.resize(at(log.longest()));
    for (std::size_t i = 0; i + 1 < log.offsets.size(); ++i) {
      for (std::int64_t step = log.offsets[i]; step < log.offsets[i + 1]; ++step) {
        by_time_[at(step - log.offsets[i])].push_back({i, at(step)});
      }
    }
  }

  template <class Times>
  double value(const Times& times, std::vector<double>* shares) const {
    const std::size_t states = at(tabular_.states);
    std::vector<double> logged(states), wanted(states, 0.0), next(states);
    double count = 0.0, value = 0.0, discount = 1.0;
    for (const auto& [i, step] : by_time_.front()) {  // every trajectory has a first step
      count += times(i);
      wanted[at(tabular_.state[step])] += times(i);
    }
    for (const auto& steps : by_time_) {
      std::fill(logged.begin(), logged.end(), 0.0);
      std::fill(next.begin(), next.end(), 0.0);
      for (const auto& [i, step] : steps) logged[at(tabular_.state[step])] += times(i);
      for (const auto& [i, step] : steps) {
        const std::size_t state = at(tabular_.state[step]);
        if (times(i) == 0.0) continue;
        const double weight = wanted[state] / logged[state] * log_.target[step] / log_.behaviour[step];
        const double added = discount * weight * log_.reward[step];
        value += times(i) * added;
        if (shares != nullptr) (*shares)[i] += added;
        if (log_.end[step] == StepEnd::none) next[at(tabular_.state[step + 1])] += times(i) * weight;
      }
      std::swap(wanted, next);
      discount *= log_.gamma;
    }
    return value / count;
  }

 private:
  const TrajectoryLog& log_;
  const Tabular& tabular_;
  std::vector<std::vector<std::pair<std::size_t, std::size_t>>> by_time_;  // [t] trajectory, step
};

}  // namespace

void check(const Tabular& tabular, const TrajectoryLog& log) {
  const std::size_t steps = log.reward.size();
  const std::size_t pairs = at(tabular.states) * at(tabular.actions);
  if (tabular.state.size() != steps || tabular.action.size() != steps || tabular.policy.size() != pairs) {
    throw DataError(Where{{}, 0, "states and actions"},
                    {fmt::format("{} states, {} actions, {} probabilities", tabular.state.size(),
                                 tabular.action.size(), tabular.policy.size()),
                     fmt::format("{}, {} and {}", steps, steps, pairs), ""});
  }
  for (std::size_t state = 0; state < at(tabular.states); ++state) {
    double sum = 0.0;
    for (std::size_t a = 0; a < at(tabular.actions); ++a) {
      const double p = tabular.policy[state * at(tabular.actions) + a];
      sum += p >= 0.0 ? p : std::nan("");
    }
    if (!(std::abs(sum - 1.0) <= 1e-9)) {
      fail_step("policy", state, fmt::format("probabilities that sum to {}", sum), "none below 0, sum 1");
    }
  }
  for (std::size_t step = 0; step < steps; ++step) {
    if (tabular.state[step] < 0 || tabular.state[step] >= tabular.states) {
      fail_step("state", step, fmt::format("{}", tabular.state[step]),
                fmt::format("0 to {}", tabular.states - 1));
    }
    if (tabular.action[step] < 0 || tabular.action[step] >= tabular.actions) {
      fail_step("action", step, fmt::format("{}", tabular.action[step]),
                fmt::format("0 to {}", tabular.actions - 1));
    }
    const double expected = tabular.policy[pair_of(tabular, step)];
    if (!(std::abs(log.target[step] - expected) <= 1e-9)) {
      fail_step("target", step, fmt::format("{}", log.target[step]),
                fmt::format("{} as the policy has it", expected));
    }
  }
}

std::vector<double> tabular_q(const TrajectoryLog& log, const Tabular& tabular,
                              std::span<const std::int64_t> trajectories) {
  const std::size_t pairs = at(tabular.states) * at(tabular.actions);
  std::vector<double> count(pairs, 0.0), reward(pairs, 0.0);
  std::vector<std::pair<std::size_t, std::size_t>> followed;  // pair, next state
  for (const std::int64_t i : trajectories) {
    for (std::int64_t step = log.offsets[at(i)]; step < log.offsets[at(i) + 1]; ++step) {
      if (log.end[at(step)] == StepEnd::truncated) continue;
      const std::size_t pair = pair_of(tabular, at(step));
      count[pair] += 1.0;
      reward[pair] += log.reward[at(step)];
      if (log.end[at(step)] == StepEnd::none) followed.emplace_back(pair, at(tabular.state[at(step) + 1]));
    }
  }
  for (std::size_t pair = 0; pair < pairs; ++pair) reward[pair] /= std::max(1.0, count[pair]);
  std::sort(followed.begin(), followed.end());
  std::vector<Transition> transitions;
  for (const auto& [pair, next] : followed) {
    if (transitions.empty() || transitions.back().pair != pair || transitions.back().next != next) {
      transitions.push_back({pair, next, 0.0});
    }
    transitions.back().share += 1.0 / count[pair];
  }
  // A contraction by gamma: behind a change of c the fixed point is at most c gamma / (1 - gamma) away.
  std::vector<double> q = reward, updated(pairs);
  for (double change = std::numeric_limits<double>::max(), size = 0.0;
       change * log.gamma / (1.0 - log.gamma) > 1e-12 * std::max(size, 1e-300);) {
    const std::vector<double> values = state_values(tabular, q);
    updated = reward;
    for (const Transition& t : transitions) updated[t.pair] += log.gamma * t.share * values[t.next];
    const double before = change;
    change = size = 0.0;
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      change = std::max(change, std::abs(updated[pair] - q[pair]));
      size = std::max(size, std::abs(updated[pair]));
    }
    std::swap(q, updated);
    if (change >= before && change <= 1e-14 * size) break;  // as near as rounding lets it come
  }
  return q;
}

FitQ tabular_fit(const TrajectoryLog& log, const Tabular& tabular) {
  return [&log, &tabular](std::span<const std::int64_t> trajectories) -> QModel {
    const std::vector<double> q = tabular_q(log, tabular, trajectories);
    const std::vector<double> values = state_values(tabular, q);
    return [q, values, &tabular](std::int64_t step) {
      return StepValues{q[pair_of(tabular, at(step))], values[at(tabular.state[at(step)])]};
    };
  };
}

Estimate marginalised(const TrajectoryLog& log, const Tabular& tabular, Summariser& summariser) {
  const Marginals marginals(log, tabular);
  std::vector<double> shares(at(log.trajectories()), 0.0);
  marginals.value([](std::size_t) { return 1.0; }, &shares);
  Estimate out = estimate_of("marginalised", {log.trajectories(), 1, std::move(shares), {}}, {}, log.cluster,
                             summariser);
  const ClusterPlaces places = places_of(log.cluster, log.trajectories());
  if (places.count < 2 || !summariser.resamples(places.count)) return out;
  const std::span<const std::uint16_t> draws = summariser.draws(places.count);
  std::vector<double> replicates;
  for (std::size_t first = 0; first < draws.size(); first += places.count) {
    replicates.push_back(marginals.value(
        [&](std::size_t i) { return static_cast<double>(draws[first + places.of_unit[i]]); }, nullptr));
  }
  std::sort(replicates.begin(), replicates.end());
  out.low = quantile_of(replicates, 0.025);
  out.high = quantile_of(replicates, 0.975);
  const double size = static_cast<double>(replicates.size());
  double mean = 0.0, squares = 0.0;
  for (const double value : replicates) mean += value / size;
  for (const double value : replicates) squares += (value - mean) * (value - mean);
  out.standard_error = std::sqrt(squares / std::max(1.0, size - 1.0));
  return out;
}

}  // namespace veer::ope

// Two worlds small enough that every log of theirs can be listed: a bandit of two contexts and three actions,
// and a process of at most two steps that may end after the first. Behaviour, target and a wrong model of
// each.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "env/random.h"
#include "scenarios/ope/bandit.h"
#include "scenarios/ope/log.h"
#include "scenarios/ope/tabular.h"

namespace veer::tests {

/// One outcome of a row or trajectory, and how likely it is under the policy that acts.
struct BanditOutcome {
  double probability = 0.0;
  int context = 0, action = 0;
  double reward = 0.0;
};

struct BanditWorld {
  std::array<double, 2> contexts{0.4, 0.6};
  std::array<std::array<double, 3>, 2> behaviour{{{0.7, 0.2, 0.1}, {0.15, 0.55, 0.3}}};
  std::array<std::array<double, 3>, 2> target{{{0.2, 0.3, 0.5}, {0.5, 0.25, 0.25}}};
  std::array<std::array<double, 3>, 2> mean{{{0.2, 0.5, 0.9}, {0.8, 0.4, 0.1}}};
  std::array<std::array<double, 3>, 2> model{{{0.3, 0.3, 0.6}, {0.6, 0.5, 0.4}}};

  double ratio(int x, int a) const { return target[at(x)][at(a)] / behaviour[at(x)][at(a)]; }
  double modelled(int x) const {
    double value = 0.0;
    for (std::size_t a = 0; a < 3; ++a) value += target[at(x)][a] * model[at(x)][a];
    return value;
  }
  /// Sum over contexts and actions of p(x) behaviour(a|x) f(x, a).
  template <class F>
  double expectation(const F& f) const {
    double sum = 0.0;
    for (int x = 0; x < 2; ++x) {
      for (int a = 0; a < 3; ++a) sum += contexts[at(x)] * behaviour[at(x)][at(a)] * f(x, a);
    }
    return sum;
  }
  double truth() const {
    return expectation([&](int x, int a) { return ratio(x, a) * mean[at(x)][at(a)]; });
  }
  std::vector<BanditOutcome> outcomes() const {
    std::vector<BanditOutcome> all;
    for (int x = 0; x < 2; ++x) {
      for (int a = 0; a < 3; ++a) {
        const double p = contexts[at(x)] * behaviour[at(x)][at(a)], m = mean[at(x)][at(a)];
        all.push_back({p * m, x, a, 1.0});
        all.push_back({p * (1.0 - m), x, a, 0.0});
      }
    }
    return all;
  }
  void add(ope::BanditLog& log, const BanditOutcome& row) const {
    log.reward.push_back(row.reward);
    log.behaviour.push_back(behaviour[at(row.context)][at(row.action)]);
    log.target.push_back(target[at(row.context)][at(row.action)]);
    log.q_hat.push_back(model[at(row.context)][at(row.action)]);
    log.v_hat.push_back(modelled(row.context));
  }
};

/// States 0 and 1 begin, 2 and 3 may follow; behind them all ends. Rewards are certain.
struct Step {
  int state = 0, action = 0;
  bool last = false;
};
struct PathOutcome {
  double probability = 0.0;
  std::vector<Step> steps;
};

struct ProcessWorld {
  double gamma = 0.9;
  std::array<double, 2> begin{0.5, 0.5};
  std::array<std::array<double, 2>, 4> behaviour{{{0.6, 0.4}, {0.3, 0.7}, {0.5, 0.5}, {0.75, 0.25}}};
  std::array<std::array<double, 2>, 4> target{{{0.3, 0.7}, {0.6, 0.4}, {0.8, 0.2}, {0.35, 0.65}}};
  std::array<std::array<double, 2>, 4> reward{{{1.0, 0.2}, {-0.5, 0.6}, {2.0, 0.0}, {0.3, 1.5}}};
  /// next[state][action]: chances of state 2, state 3 and the end.
  std::array<std::array<std::array<double, 3>, 2>, 2> next{
      {{{{0.5, 0.2, 0.3}, {0.1, 0.6, 0.3}}}, {{{0.3, 0.3, 0.4}, {0.4, 0.5, 0.1}}}}};
  /// A wrong Q, for doubly robust estimation.
  std::array<std::array<double, 2>, 4> model{{{1.6, 0.9}, {0.4, 1.5}, {1.2, 0.5}, {0.6, 1.0}}};

  double true_value(int s) const {
    double value = 0.0;
    for (int a = 0; a < 2; ++a) value += target[at(s)][at(a)] * true_q(s, a);
    return value;
  }
  double true_q(int s, int a) const {
    double q = reward[at(s)][at(a)];
    if (s < 2) {
      for (int n = 0; n < 2; ++n) q += gamma * next[at(s)][at(a)][at(n)] * true_value(2 + n);
    }
    return q;
  }
  double truth() const { return begin[0] * true_value(0) + begin[1] * true_value(1); }
  double modelled(int s) const {
    return target[at(s)][0] * model[at(s)][0] + target[at(s)][1] * model[at(s)][1];
  }
  std::vector<PathOutcome> outcomes() const {
    std::vector<PathOutcome> all;
    for (int s = 0; s < 2; ++s) {
      for (int a = 0; a < 2; ++a) {
        const double p = begin[at(s)] * behaviour[at(s)][at(a)];
        all.push_back({p * next[at(s)][at(a)][2], {{s, a, true}}});
        for (int n = 0; n < 2; ++n) {
          for (int b = 0; b < 2; ++b) {
            all.push_back({p * next[at(s)][at(a)][at(n)] * behaviour[at(2 + n)][at(b)],
                           {{s, a, false}, {2 + n, b, true}}});
          }
        }
      }
    }
    return all;
  }
  ope::Tabular table() const {
    ope::Tabular table;
    table.states = 4;
    table.actions = 2;
    for (const auto& row : target) table.policy.insert(table.policy.end(), row.begin(), row.end());
    return table;
  }
  ope::TrajectoryLog empty_log() const {
    ope::TrajectoryLog log;
    log.gamma = gamma;
    log.offsets = {0};
    return log;
  }
  void add(ope::TrajectoryLog& log, ope::Tabular& table, const PathOutcome& path) const {
    for (const Step& step : path.steps) {
      const std::size_t s = at(step.state), a = at(step.action);
      table.state.push_back(step.state);
      table.action.push_back(step.action);
      log.reward.push_back(reward[s][a]);
      log.behaviour.push_back(behaviour[s][a]);
      log.target.push_back(target[s][a]);
      log.q_hat.push_back(model[s][a]);
      log.v_hat.push_back(modelled(step.state));
      log.end.push_back(step.last ? ope::StepEnd::terminated : ope::StepEnd::none);
    }
    log.offsets.push_back(log.steps());
  }
};

/// An outcome drawn by inverting the sum of probabilities.
template <class Outcome>
const Outcome& drawn(std::span<const Outcome> outcomes, std::uint64_t seed, std::uint64_t row) {
  double left = uniform({seed, row, 0}, Stream::generate);
  for (const Outcome& outcome : outcomes) {
    if (left < outcome.probability) return outcome;
    left -= outcome.probability;
  }
  return outcomes.back();
}

inline ope::BanditLog sampled(const BanditWorld& world, std::int64_t rows, std::uint64_t seed) {
  ope::BanditLog log;
  const std::vector<BanditOutcome> all = world.outcomes();
  for (std::int64_t i = 0; i < rows; ++i) {
    world.add(log, drawn<BanditOutcome>(all, seed, static_cast<std::uint64_t>(i)));
  }
  return log;
}

struct SampledProcess {
  ope::TrajectoryLog log;
  ope::Tabular table;
};
inline SampledProcess sampled(const ProcessWorld& world, std::int64_t trajectories, std::uint64_t seed) {
  SampledProcess out{world.empty_log(), world.table()};
  const std::vector<PathOutcome> all = world.outcomes();
  for (std::int64_t i = 0; i < trajectories; ++i) {
    world.add(out.log, out.table, drawn<PathOutcome>(all, seed, static_cast<std::uint64_t>(i)));
  }
  return out;
}

}  // namespace veer::tests

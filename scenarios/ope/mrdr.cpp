#include "scenarios/ope/mrdr.h"

#include "scenarios/ope/sequential.h"

namespace veer::ope {

std::vector<double> mrdr_q(const TrajectoryLog& log, const Tabular& tabular,
                           std::span<const std::int64_t> trajectories) {
  const std::size_t actions = at(tabular.actions);
  std::vector<double> state_weight(at(tabular.states), 0.0);
  std::vector<double> q(at(tabular.states) * actions, 0.0);
  std::vector<double> ahead;  // R of each step
  for (const std::int64_t i : trajectories) {
    const std::size_t first = at(log.offsets[at(i)]), last = at(log.offsets[at(i) + 1]);
    ahead.assign(last - first + 1, 0.0);
    for (std::size_t step = last; step-- > first;) {
      const bool more = step + 1 < last;
      const double ratio = more ? log.target[step + 1] / log.behaviour[step + 1] : 0.0;
      ahead[step - first] = log.reward[step] + log.gamma * ratio * ahead[step - first + 1];
    }
    double before = 1.0;  // gamma^t w_(t-1)
    for (std::size_t step = first; step < last; ++step) {
      const double ratio = log.target[step] / log.behaviour[step];
      const double weight = before * before * ratio;
      const std::size_t state = at(tabular.state[step]);
      state_weight[state] += weight;
      q[state * actions + at(tabular.action[step])] += weight * ahead[step - first];
      before *= log.gamma * ratio;
    }
  }
  for (std::size_t pair = 0; pair < q.size(); ++pair) {
    const double scale = tabular.policy[pair] * state_weight[pair / actions];
    q[pair] = scale > 0.0 ? q[pair] / scale : 0.0;
  }
  return q;
}

FitQ mrdr_fit(const TrajectoryLog& log, const Tabular& tabular) {
  return [&log, &tabular](std::span<const std::int64_t> trajectories) -> QModel {
    const std::vector<double> q = mrdr_q(log, tabular, trajectories);
    return [q, &tabular](std::int64_t step) {
      const std::size_t first = at(tabular.state[at(step)]) * at(tabular.actions);
      StepValues out{q[first + at(tabular.action[at(step)])], 0.0};
      for (std::size_t a = 0; a < at(tabular.actions); ++a) {
        out.v_hat += tabular.policy[first + a] * q[first + a];
      }
      return out;
    };
  };
}

Estimate mrdr(const TrajectoryLog& log, const Tabular& tabular, std::span<const std::int32_t> folds,
              Summariser& summariser) {
  TrajectoryLog own = log;
  cross_fit(own, folds, mrdr_fit(log, tabular));
  Estimate out = estimate(own, SequentialEstimator::dr, summariser);
  out.name = "mrdr";
  return out;
}

}  // namespace veer::ope

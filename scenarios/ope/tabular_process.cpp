#include "scenarios/ope/tabular_process.h"

#include <algorithm>
#include <cmath>

#include "env/random.h"

namespace veer::ope {

TabularProcess::TabularProcess(std::int32_t states, std::int32_t actions, double gamma, std::int64_t steps,
                               std::uint64_t seed)
    : states_(states), actions_(actions), gamma_(gamma), steps_(steps) {
  const std::size_t s = at(states), pairs = s * at(actions);
  for (std::size_t i = 0; i < pairs; ++i) {
    std::vector<float> drawn(s + 2);
    fill_uniform({seed, i, 0}, Stream::generate, drawn);
    reward_.push_back(double{drawn[0]});
    leave_.push_back(0.02 + 0.2 * double{drawn[1]});
    double sum = 0.0;
    std::vector<double> sums;
    for (std::size_t n = 0; n < s; ++n) {
      sum += std::pow(double{drawn[n + 2]}, 4.0);  // some states are much likelier than others
      sums.push_back(sum);
    }
    for (const double value : sums) next_.push_back(value / sum);
    next_.back() = 1.0;
  }
}

std::size_t TabularProcess::pair(std::int32_t state, std::int32_t action) const noexcept {
  return at(state) * at(actions_) + at(action);
}

/// r + gamma (1 - leave) E V(s').
double TabularProcess::worth(std::int32_t state, std::int32_t action,
                             const std::vector<double>& values) const {
  const std::size_t p = pair(state, action);
  double ahead = 0.0, before = 0.0;
  for (std::size_t n = 0; n < at(states_); ++n) {
    const double sum = next_[p * at(states_) + n];
    ahead += (sum - before) * values[n];
    before = sum;
  }
  return reward_[p] + gamma_ * (1.0 - leave_[p]) * ahead;
}

double TabularProcess::value(const TabularPolicy& policy) const {
  std::vector<double> values(at(states_), 0.0), updated(values);
  for (std::int64_t step = 0; step < steps_; ++step) {
    for (std::int32_t s = 0; s < states_; ++s) {
      updated[at(s)] = 0.0;
      for (std::int32_t a = 0; a < actions_; ++a) updated[at(s)] += policy[pair(s, a)] * worth(s, a, values);
    }
    values = updated;
  }
  double sum = 0.0;  // all states begin equally often
  for (const double value : values) sum += value;
  return sum / static_cast<double>(states_);
}

TabularPolicy TabularProcess::softmax(double temperature, double spread) const {
  std::vector<double> values(at(states_), 0.0), updated(values);
  const double wanted = temperature > 0.0 ? 1.0 : -1.0;  // best or worst
  for (int sweep = 0; sweep < 2000; ++sweep) {
    for (std::int32_t s = 0; s < states_; ++s) {
      double best = wanted * worth(s, 0, values);
      for (std::int32_t a = 1; a < actions_; ++a) best = std::max(best, wanted * worth(s, a, values));
      updated[at(s)] = wanted * best;
    }
    values = updated;
  }
  TabularPolicy out(at(states_) * at(actions_));
  for (std::int32_t s = 0; s < states_; ++s) {
    double largest = -HUGE_VAL, sum = 0.0;
    for (std::int32_t a = 0; a < actions_; ++a) {
      out[pair(s, a)] = worth(s, a, values) / temperature;
      largest = std::max(largest, out[pair(s, a)]);
    }
    for (std::int32_t a = 0; a < actions_; ++a) sum += out[pair(s, a)] = std::exp(out[pair(s, a)] - largest);
    for (std::int32_t a = 0; a < actions_; ++a) {
      out[pair(s, a)] = (1.0 - spread) * out[pair(s, a)] / sum + spread / static_cast<double>(actions_);
    }
  }
  return out;
}

TabularPolicy TabularProcess::mixture(const TabularPolicy& one, const TabularPolicy& two, double share) {
  TabularPolicy out(one);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = (1.0 - share) * one[i] + share * two[i];
  return out;
}

TabularSample TabularProcess::sample(const TabularPolicy& acted, const TabularPolicy& asked,
                                     std::int64_t steps, std::uint64_t seed) const {
  TabularSample out;
  out.log.gamma = gamma_;
  out.log.offsets = {0};
  out.table.states = states_;
  out.table.actions = actions_;
  out.table.policy = asked;
  for (EpisodeId episode = 0; out.log.steps() < steps; ++episode) {
    auto state = static_cast<std::int32_t>(
        uniform_below(static_cast<std::uint32_t>(states_), {seed, episode, 0}, Stream::begin_episode));
    for (std::int64_t step = 0;; ++step) {
      float drawn[3];
      fill_uniform({seed, episode, static_cast<std::uint32_t>(step)}, Stream::generate, drawn);
      std::int32_t action = 0;
      for (double left = double{drawn[0]} - acted[pair(state, 0)]; left >= 0.0 && action + 1 < actions_;) {
        left -= acted[pair(state, ++action)];
      }
      const std::size_t p = pair(state, action);
      const bool leaves = double{drawn[1]} < leave_[p], cut = step + 1 == steps_;
      out.table.state.push_back(state);
      out.table.action.push_back(action);
      out.log.reward.push_back(reward_[p]);
      out.log.behaviour.push_back(acted[p]);
      out.log.target.push_back(asked[p]);
      out.log.end.push_back(leaves ? StepEnd::terminated : cut ? StepEnd::truncated : StepEnd::none);
      if (leaves || cut) break;
      const auto first = next_.begin() + static_cast<std::ptrdiff_t>(p * at(states_));
      state = static_cast<std::int32_t>(std::upper_bound(first, first + states_, double{drawn[2]}) - first);
      state = std::min(state, states_ - 1);
    }
    out.log.offsets.push_back(out.log.steps());
    out.log.cluster.push_back(static_cast<UserId>(episode));
  }
  return out;
}

}  // namespace veer::ope

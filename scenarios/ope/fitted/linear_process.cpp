#include "scenarios/ope/fitted/linear_process.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "env/random.h"
#include "env/runtime.h"

namespace veer::ope {
namespace {

constexpr double process_noise = 0.3;
constexpr double action_price = 0.1, state_price = 0.05, wage = 1.0;

/// `count` normals of a fixed key, times `scale`.
std::vector<double> drawn_numbers(std::uint64_t seed, std::uint64_t place, std::size_t count, double scale) {
  std::vector<float> drawn(count);
  fill_normal({seed, place, 0}, Stream::generate, drawn);
  std::vector<double> out(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = scale * double{drawn[i]};
  return out;
}

/// [rows, columns] a [rows, inner] b [inner, columns].
std::vector<double> matrix_product(const std::vector<double>& a, const std::vector<double>& b,
                                   std::size_t rows, std::size_t inner, std::size_t columns) {
  std::vector<double> out(rows * columns, 0.0);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t p = 0; p < inner; ++p) {
      for (std::size_t j = 0; j < columns; ++j) out[i * columns + j] += a[i * inner + p] * b[p * columns + j];
    }
  }
  return out;
}

std::vector<double> transposed(const std::vector<double>& a, std::size_t rows, std::size_t columns) {
  std::vector<double> out(a.size());
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) out[j * rows + i] = a[i * columns + j];
  }
  return out;
}

double inner_product_of(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

LinearProcess::LinearProcess(std::int32_t features, std::int32_t reals, double gamma, double leave,
                             std::uint64_t seed)
    : features_(features), reals_(reals), gamma_(gamma), leave_(leave) {
  const std::size_t f = at(features), a = at(reals);
  dynamics_ = drawn_numbers(seed, 0, f * f, 0.2 / std::sqrt(static_cast<double>(f)));
  for (std::size_t i = 0; i < f; ++i) dynamics_[i * f + i] += 0.6;
  effect_ = drawn_numbers(seed, 1, f * a, 0.4 / std::sqrt(static_cast<double>(a)));
  state_worth_ = drawn_numbers(seed, 2, f, 0.3);
  action_worth_ = drawn_numbers(seed, 3, a, 0.3);
}

LinearPolicy LinearProcess::policy(std::uint64_t seed, double deviation) const {
  const std::size_t f = at(features_), a = at(reals_);
  return {drawn_numbers(seed, 10, a * f, 0.3 / std::sqrt(static_cast<double>(f))),
          drawn_numbers(seed, 11, a, 0.3), deviation};
}

LinearPolicy LinearProcess::between(const LinearPolicy& from, const LinearPolicy& to, double share,
                                    double deviation) {
  LinearPolicy out{from.gain, from.offset, deviation};
  for (std::size_t i = 0; i < out.gain.size(); ++i) out.gain[i] += share * (to.gain[i] - from.gain[i]);
  for (std::size_t i = 0; i < out.offset.size(); ++i)
    out.offset[i] += share * (to.offset[i] - from.offset[i]);
  return out;
}

double LinearProcess::value(const LinearPolicy& policy, std::int64_t steps) const {
  const std::size_t f = at(features_), a = at(reals_);
  const double kept = gamma_ * (1.0 - leave_), variance = policy.deviation * policy.deviation;
  // Under the policy: s' = M s + h + noise of covariance C.
  std::vector<double> m = matrix_product(effect_, policy.gain, f, a, f);
  for (std::size_t i = 0; i < m.size(); ++i) m[i] += dynamics_[i];
  const std::vector<double> h = matrix_product(effect_, policy.offset, f, a, 1);
  std::vector<double> c = matrix_product(effect_, transposed(effect_, f, a), f, a, f);
  for (double& value : c) value *= variance;
  for (std::size_t i = 0; i < f; ++i) c[i * f + i] += process_noise * process_noise;
  const std::vector<double> m_turned = transposed(m, f, f), gain_turned = transposed(policy.gain, a, f);
  // The mean reward in s: constant + linear s + s' square s.
  std::vector<double> square = matrix_product(gain_turned, policy.gain, f, a, f);
  for (double& value : square) value *= -action_price;
  for (std::size_t i = 0; i < f; ++i) square[i * f + i] -= state_price;
  std::vector<double> pull(a);
  for (std::size_t i = 0; i < a; ++i) pull[i] = action_worth_[i] - 2.0 * action_price * policy.offset[i];
  std::vector<double> linear = matrix_product(gain_turned, pull, f, a, 1);
  for (std::size_t i = 0; i < f; ++i) linear[i] += state_worth_[i];
  const double constant = wage + inner_product_of(action_worth_, policy.offset) -
                          action_price * (inner_product_of(policy.offset, policy.offset) +
                                          static_cast<double>(reals_) * variance);

  std::vector<double> p(f * f, 0.0), v(f, 0.0);
  double v0 = 0.0;
  for (std::int64_t step = 0; steps == 0 || step < steps; ++step) {
    const std::vector<double> ph = matrix_product(p, h, f, f, 1);
    const double next0 = v0 + inner_product_of(v, h) + inner_product_of(ph, h) + inner_product_of(p, c);
    std::vector<double> ahead = v;
    for (std::size_t i = 0; i < f; ++i) ahead[i] += 2.0 * ph[i];
    const std::vector<double> next = matrix_product(m_turned, ahead, f, f, 1);
    const std::vector<double> next_square = matrix_product(matrix_product(m_turned, p, f, f, f), m, f, f, f);
    double change = std::abs(constant + kept * next0 - v0);
    v0 = constant + kept * next0;
    for (std::size_t i = 0; i < f; ++i) {
      change = std::max(change, std::abs(linear[i] + kept * next[i] - v[i]));
      v[i] = linear[i] + kept * next[i];
    }
    for (std::size_t i = 0; i < p.size(); ++i) p[i] = square[i] + kept * next_square[i];
    if (change < 1e-14 * std::abs(v0)) break;
  }
  double out = v0;
  for (std::size_t i = 0; i < f; ++i) out += p[i * f + i];
  return out;
}

double LinearProcess::log_density(const LinearPolicy& policy, const float* state, const float* action) const {
  double out = 0.0;
  for (std::size_t i = 0; i < at(reals_); ++i) {
    double middle = policy.offset[i];
    for (std::size_t k = 0; k < at(features_); ++k) {
      middle += policy.gain[i * at(features_) + k] * double{state[k]};
    }
    const double scaled = (double{action[i]} - middle) / policy.deviation;
    out += -0.5 * scaled * scaled - std::log(policy.deviation) - 0.5 * std::log(2.0 * std::numbers::pi);
  }
  return out;
}

std::vector<double> LinearProcess::log_densities(const LinearPolicy& policy, const FittedLog& log) const {
  std::vector<double> out(at(log.steps()));
  constexpr std::int64_t at_once = 4096;
  parallel_for((log.steps() + at_once - 1) / at_once, [&](std::int64_t s) {
    for (std::int64_t i = s * at_once; i < std::min(log.steps(), (s + 1) * at_once); ++i) {
      out[at(i)] = log_density(policy, log.states.data() + at(i) * at(features_),
                               log.actions.data() + at(i) * at(reals_));
    }
  });
  return out;
}

void LinearProcess::act(const LinearPolicy& policy, const float* state, std::span<const float> noise,
                        float* action) const {
  for (std::size_t i = 0; i < at(reals_); ++i) {
    double value = policy.offset[i] + (policy.deviation == 0.0 ? 0.0 : policy.deviation * double{noise[i]});
    for (std::size_t k = 0; k < at(features_); ++k) {
      value += policy.gain[i * at(features_) + k] * double{state[k]};
    }
    action[i] = static_cast<float>(value);
  }
}

FittedLog LinearProcess::sample(const LinearPolicy& policy, std::int64_t trajectories,
                                std::int64_t most_steps, std::uint64_t seed) const {
  const std::size_t f = at(features_), a = at(reals_);
  FittedLog out;
  out.features = features_;
  out.reals = reals_;
  out.offsets.push_back(0);
  for (std::int64_t i = 0; i < trajectories; ++i) {
    std::int64_t length = 1;
    const auto leaves = [&] {
      return double{uniform({seed, at(i), static_cast<std::uint32_t>(length)}, Stream::leave)} < leave_;
    };
    while (length < most_steps && !leaves()) ++length;
    const StepEnd end = leaves() ? StepEnd::terminated : StepEnd::truncated;
    out.offsets.push_back(out.offsets.back() + length);
    out.end.resize(at(out.offsets.back()), StepEnd::none);
    out.end.back() = end;
    out.episode.push_back(at(i));
    out.user.push_back(static_cast<UserId>(i));
  }
  const std::size_t steps = out.end.size();
  out.states.resize((steps + at(trajectories)) * f);
  out.actions.resize(steps * a);
  out.reward.resize(steps);
  out.log_density.resize(policy.deviation > 0.0 ? steps : 0);
  parallel_for(trajectories, [&](std::int64_t i) {
    std::vector<float> noise(f + a);
    const std::int64_t first = out.offsets[at(i)], last = out.offsets[at(i) + 1];
    for (std::int64_t step = first; step <= last; ++step) {
      // Value states: those of the steps, and the one behind the last.
      float* state = out.states.data() + (step < last ? at(step) : steps + at(i)) * f;
      fill_normal({seed, at(i), static_cast<std::uint32_t>(step - first)}, Stream::generate, noise);
      for (std::size_t k = 0; k < f; ++k) {
        double value = double{noise[a + k]} * (step == first ? 1.0 : process_noise);
        if (step > first) {
          const float* before = out.states.data() + at(step - 1) * f;
          const float* action = out.actions.data() + at(step - 1) * a;
          for (std::size_t j = 0; j < f; ++j) value += dynamics_[k * f + j] * double{before[j]};
          for (std::size_t j = 0; j < a; ++j) value += effect_[k * a + j] * double{action[j]};
        }
        state[k] = static_cast<float>(value);
      }
      if (step == last) break;
      float* action = out.actions.data() + at(step) * a;
      act(policy, state, noise, action);
      double reward = wage;
      for (std::size_t k = 0; k < f; ++k) {
        reward += state_worth_[k] * double{state[k]} - state_price * double{state[k]} * double{state[k]};
      }
      for (std::size_t k = 0; k < a; ++k) {
        reward += action_worth_[k] * double{action[k]} - action_price * double{action[k]} * double{action[k]};
      }
      out.reward[at(step)] = static_cast<float>(reward);
      if (!out.log_density.empty()) {
        out.log_density[at(step)] = static_cast<float>(log_density(policy, state, action));
      }
    }
  });
  return out;
}

TargetActions LinearProcess::actions(const LinearPolicy& policy, const FittedLog& log, std::int32_t draws,
                                     std::uint64_t seed) const {
  return target_actions(
      log, draws, false, seed,
      [&](View<const float> states, std::span<const StepKey> keys, View<float> actions, View<float>) {
        std::vector<float> noise(at(draws) * at(reals_));
        for (std::int32_t r = 0; r < states.rows(); ++r) {
          fill_normal(keys[at(r)], Stream::explore, noise);
          for (std::size_t k = 0; k < at(draws); ++k) {
            act(policy, states.row(r).data(),
                std::span<const float>(noise).subspan(k * at(reals_), at(reals_)),
                actions.row(r).data() + k * at(reals_));
          }
        }
      });
}

}  // namespace veer::ope

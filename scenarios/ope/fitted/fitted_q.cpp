#include "scenarios/ope/fitted/fitted_q.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "env/error.h"
#include "env/nn/dense/dense_network.h"
#include "env/nn/network_parameters_net.h"
#include "env/nn/training/flat_parameters_net.h"
#include "env/random.h"
#include "env/runtime.h"
#include "env/scratch_pool.h"

namespace veer::ope {
namespace {

constexpr std::int32_t shard_steps = 128;  ///< of a batch, and of a request for values

void require_q_option(bool sound, const char* name, double found, const char* expected) {
  if (!sound) throw ConfigError(Where{{}, 0, name}, {fmt::format("{}", found), expected, ""});
}

void check_options(const FittedQOptions& o) {
  require_q_option(o.gamma >= 0.0 && o.gamma < 1.0, "gamma", o.gamma, "a discount of at least 0 and below 1");
  require_q_option(o.updates >= 1, "updates", static_cast<double>(o.updates), "1 or more");
  require_q_option(o.batch >= 1, "batch", o.batch, "1 or more");
  require_q_option(o.learning_rate > 0.0F, "learning_rate", double{o.learning_rate}, "a number above 0");
  require_q_option(o.target_rate > 0.0F && o.target_rate <= 1.0F, "target_rate", double{o.target_rate},
                   "a share above 0");
  require_q_option(o.copy_every >= 0, "copy_every", static_cast<double>(o.copy_every), "0 or more");
  require_q_option(o.conservatism >= 0.0, "conservatism", o.conservatism, "0 or more");
  for (const std::int32_t width : o.hidden)
    require_q_option(width >= 1, "hidden", width, "widths of 1 or more");
}

std::vector<nn::ParameterLayout> layout_of(const std::vector<std::int32_t>& widths) {
  std::vector<nn::ParameterLayout> layout;
  const std::vector<std::int64_t> wide(widths.begin(), widths.end());
  nn::add_dense_layout(layout, "q", wide);
  return layout;
}

/// What a worker needs for one shard; handed from task to task.
struct FittedScratch {
  nn::DensePass pass;
  std::vector<float> inputs, gradient;
  std::vector<float> aimed;
};

}  // namespace

struct FittedQ::Impl {
  const FittedLog& log;
  const TargetActions& target;
  FittedQOptions options;
  std::vector<std::int64_t> steps;                ///< to learn from
  std::vector<float> mean, per_unit;              ///< [F] of the states of those steps: mean, 1 / deviation
  double centre = 0.0, spread = 1.0;              ///< of values
  double lowest = -HUGE_VAL, highest = HUGE_VAL;  ///< that a value may be
  std::vector<std::int32_t> widths;
  nn::FlatParameters quick, slow;
  nn::PackedDense quick_packed, slow_packed;
  std::int64_t done = 0;
  ScratchPool<FittedScratch> pool;

  Impl(const FittedLog& l, const TargetActions& t, std::span<const std::int64_t> trajectories,
       const FittedQOptions& o)
      : log(l),
        target(t),
        options(o),
        widths(widths_of(l, o)),
        quick(layout_of(widths), first_values()),
        slow(layout_of(widths), quick.values()),
        quick_packed(widths),
        slow_packed(widths) {
    for (const std::int64_t i : trajectories) {
      for (std::int64_t step = log.offsets[at(i)]; step < log.offsets[at(i) + 1]; ++step)
        steps.push_back(step);
    }
    if (steps.empty()) {
      throw DataError(Where{{}, 0, "trajectories"}, {"no steps to learn from", "at least one", ""});
    }
    learn_scales();
    quick_packed.pack(quick.flat(), true);
    slow_packed.pack(slow.flat(), false);
  }

  static std::vector<std::int32_t> widths_of(const FittedLog& l, const FittedQOptions& o) {
    check_options(o);
    std::vector<std::int32_t> widths{l.features + l.reals};
    widths.insert(widths.end(), o.hidden.begin(), o.hidden.end());
    widths.push_back(1);
    return widths;
  }
  NamedArrays first_values() const {
    return nn::initial_parameters(layout_of(widths), options.seed, "cpu").to_arrays();
  }

  bool goes_on(std::int64_t step) const noexcept {
    const StepEnd end = log.end[at(step)];
    return end == StepEnd::none || (end == StepEnd::truncated && !options.cut_is_end);
  }

  void learn_scales();
  const float* state(std::int64_t value_state) const noexcept {
    return log.states.data() + at(value_state) * at(log.features);
  }
  /// One row of the network's inputs.
  float* write_input(const float* from, const float* action, float* to) const noexcept {
    for (std::size_t k = 0; k < at(log.features); ++k) *to++ = (from[k] - mean[k]) * per_unit[k];
    return std::copy_n(action, log.reals, to);
  }
  float* write_target_inputs(std::int64_t value_state, float* to) const noexcept {
    const float* actions = target.actions.data() + at(value_state) * at(target.draws) * at(log.reals);
    for (std::int32_t k = 0; k < target.draws; ++k) {
      to = write_input(state(value_state), actions + k * log.reals, to);
    }
    return to;
  }
  float weight(std::int64_t value_state, std::int32_t draw) const noexcept {
    return target.weights.empty() ? 1.0F / static_cast<float>(target.draws)
                                  : target.weights[at(value_state) * at(target.draws) + at(draw)];
  }
  /// Value state behind a step that goes on.
  std::int64_t next_of(std::int64_t step) const noexcept {
    if (log.end[at(step)] == StepEnd::none) return step + 1;
    const auto after = std::upper_bound(log.offsets.begin(), log.offsets.end(), step);
    return log.steps() + (after - log.offsets.begin()) - 1;
  }

  double learn_shard(std::int32_t first, std::int32_t count, FittedScratch& scratch,
                     std::span<float> gradient);
};

/// Means and deviations of states; values as if rewards were independent of each other, with the share of
/// steps that end in the log.
void FittedQ::Impl::learn_scales() {
  const std::size_t width = at(log.features);
  std::vector<double> sum(width, 0.0), squares(width, 0.0);
  double reward = 0.0, reward_squares = 0.0, ends = 0.0;
  for (const std::int64_t step : steps) {
    const float* from = state(step);
    for (std::size_t k = 0; k < width; ++k) {
      sum[k] += double{from[k]};
      squares[k] += double{from[k]} * double{from[k]};
    }
    reward += double{log.reward[at(step)]};
    reward_squares += double{log.reward[at(step)]} * double{log.reward[at(step)]};
    ends += goes_on(step) ? 0.0 : 1.0;
  }
  if (options.bounded) {
    lowest = highest = 0.0;
    for (const std::int64_t step : steps) {
      lowest = std::min(lowest, double{log.reward[at(step)]} / (1.0 - options.gamma));
      highest = std::max(highest, double{log.reward[at(step)]} / (1.0 - options.gamma));
    }
  }
  const auto count = static_cast<double>(steps.size());
  for (std::size_t k = 0; k < width; ++k) {
    const double middle = sum[k] / count;
    const double deviation = std::sqrt(std::max(0.0, squares[k] / count - middle * middle));
    mean.push_back(static_cast<float>(middle));
    // What never varies in the log is no news; a tiny deviation would blow up what differs later.
    per_unit.push_back(static_cast<float>(1.0 / std::max(1e-3, deviation)));
  }
  const double kept = options.gamma * (1.0 - ends / count);
  const double middle = reward / count;
  const double variance = std::max(0.0, reward_squares / count - middle * middle);
  centre = middle / (1.0 - kept);
  spread = std::sqrt(variance / (1.0 - kept * options.gamma));
  if (!(spread > 1e-9 * std::max(1.0, std::abs(centre)))) spread = std::max(1.0, std::abs(centre));
}

/// Gradient of the shard's part of mean (z - y)^2 + conservatism / spread * (mean z(s, a_k) - mean z(s, a));
/// returns the sum of squared errors.
double FittedQ::Impl::learn_shard(std::int32_t first, std::int32_t count, FittedScratch& scratch,
                                  std::span<float> gradient) {
  const std::size_t width = at(widths.front()), draws = at(target.draws);
  const StepKey key{options.seed, static_cast<EpisodeId>(done), 0};
  std::vector<std::int64_t> drawn(at(count));
  for (std::size_t r = 0; r < drawn.size(); ++r) {
    drawn[r] = steps[uniform_below(static_cast<std::uint32_t>(steps.size()), key, Stream::shuffle,
                                   static_cast<std::uint32_t>(first) + static_cast<std::uint32_t>(r))];
  }
  // The next states' values by the slow copy; rows of ended steps are computed and not read, so that shapes
  // stay the same.
  scratch.inputs.resize(at(count) * width * (draws + (options.conservatism > 0.0 ? draws : 0) + 1));
  float* to = scratch.inputs.data();
  for (const std::int64_t step : drawn) to = write_target_inputs(goes_on(step) ? next_of(step) : step, to);
  const std::span<const float> next =
      scratch.pass.forward(slow_packed, scratch.inputs.data(), count * target.draws);
  scratch.aimed.resize(at(count));
  for (std::size_t r = 0; r < drawn.size(); ++r) {
    double value = double{log.reward[at(drawn[r])]};
    if (goes_on(drawn[r])) {
      const std::int64_t after = next_of(drawn[r]);
      double ahead = 0.0;
      for (std::size_t k = 0; k < draws; ++k) {
        ahead += double{weight(after, static_cast<std::int32_t>(k))} * double{next[r * draws + k]};
      }
      value += options.gamma * (centre + spread * ahead);
    }
    scratch.aimed[r] = static_cast<float>((std::clamp(value, lowest, highest) - centre) / spread);
  }

  to = scratch.inputs.data();
  for (const std::int64_t step : drawn) {
    to = write_input(state(step), log.actions.data() + at(step) * at(log.reals), to);
  }
  std::int32_t rows = count;
  if (options.conservatism > 0.0) {
    for (const std::int64_t step : drawn) to = write_target_inputs(step, to);
    rows += count * target.draws;
  }
  const std::span<const float> found = scratch.pass.forward(quick_packed, scratch.inputs.data(), rows);
  scratch.gradient.resize(at(rows));
  const auto share = 1.0F / static_cast<float>(options.batch);
  const auto press = static_cast<float>(options.conservatism / spread) * share;
  double squares = 0.0;
  for (std::size_t r = 0; r < drawn.size(); ++r) {
    const float error = found[r] - scratch.aimed[r];
    squares += double{error} * double{error};
    scratch.gradient[r] = 2.0F * error * share - press;
  }
  for (std::size_t r = at(count); r < at(rows); ++r) {
    const std::size_t row = (r - at(count)) / draws, draw = (r - at(count)) % draws;
    scratch.gradient[r] = press * weight(drawn[row], static_cast<std::int32_t>(draw));
  }
  scratch.pass.backward(quick_packed, scratch.gradient.data(), gradient.data(), false, nullptr);
  return squares;
}

FittedQ::FittedQ(const FittedLog& log, const TargetActions& target,
                 std::span<const std::int64_t> trajectories, const FittedQOptions& options) {
  const std::size_t states = at(log.value_states()), draws = at(target.draws);
  if (target.draws < 1 || target.actions.size() != states * draws * at(log.reals) ||
      (!target.weights.empty() && target.weights.size() != states * draws)) {
    throw DataError(Where{{}, 0, "actions of the policy in question"},
                    {fmt::format("{} values and {} weights for {} draws", target.actions.size(),
                                 target.weights.size(), target.draws),
                     fmt::format("{} reals per draw and state, of {} states", log.reals, states), ""});
  }
  impl_ = std::make_unique<Impl>(log, target, trajectories, options);
}
FittedQ::~FittedQ() = default;

std::int64_t FittedQ::updates() const noexcept { return impl_->done; }
NamedArrays FittedQ::parameters() const { return impl_->quick.values(); }

double FittedQ::update() {
  Impl& m = *impl_;
  const FittedQOptions& o = m.options;
  const std::int32_t shards = (o.batch + shard_steps - 1) / shard_steps;
  const double squares = m.quick.accumulate(at(shards), [&](std::size_t s, auto& gradient) {
    const auto first = static_cast<std::int32_t>(s) * shard_steps;
    return m.pool.with([&](FittedScratch& scratch) {
      return m.learn_shard(first, std::min(shard_steps, o.batch - first), scratch, gradient.values());
    });
  });
  const double share_done = static_cast<double>(m.done) / static_cast<double>(o.updates);
  const double rate = double{o.learning_rate} * std::clamp(2.0 - 2.0 * share_done, 0.0, 1.0);
  m.quick.update({.learning_rate = static_cast<float>(rate)});
  ++m.done;
  m.quick_packed.pack(m.quick.flat(), true);
  if (o.copy_every == 0 || m.done % o.copy_every == 0) {
    m.slow.approach(m.quick, o.copy_every == 0 ? o.target_rate : 1.0F);
    m.slow_packed.pack(m.slow.flat(), false);
  }
  const double loss = squares / o.batch * m.spread * m.spread;
  if (!std::isfinite(loss)) {
    throw Error(
        ExitCode::failure,
        fmt::format("fitted Q: found a loss that is no number after update {}; expected a finite one; "
                    "lower the learning rate",
                    m.done));
  }
  return loss;
}

void FittedQ::values(std::span<const std::int64_t> steps, std::span<double> q_hat,
                     std::span<double> v_hat) const {
  Impl& m = *impl_;
  const auto count = static_cast<std::int64_t>(steps.size());
  const std::size_t width = at(m.widths.front()), draws = at(m.target.draws);
  parallel_for((count + shard_steps - 1) / shard_steps, [&](std::int64_t s) {
    m.pool.with([&](FittedScratch& scratch) {
      const std::size_t first = at(s * shard_steps);
      const std::size_t rows = std::min(at(shard_steps), steps.size() - first);
      scratch.inputs.resize(rows * width * (draws + 1));
      float* to = scratch.inputs.data();
      for (std::size_t r = 0; r < rows; ++r) {
        const std::int64_t step = steps[first + r];
        to = m.write_input(m.state(step), m.log.actions.data() + at(step) * at(m.log.reals), to);
        to = m.write_target_inputs(step, to);
      }
      const std::span<const float> found = scratch.pass.forward(
          m.quick_packed, scratch.inputs.data(), static_cast<std::int32_t>(rows * (draws + 1)));
      for (std::size_t r = 0; r < rows; ++r) {
        const float* row = found.data() + r * (draws + 1);
        double value = 0.0;
        for (std::size_t k = 0; k < draws; ++k) {
          value += double{m.weight(steps[first + r], static_cast<std::int32_t>(k))} * double{row[k + 1]};
        }
        q_hat[first + r] = std::clamp(m.centre + m.spread * double{row[0]}, m.lowest, m.highest);
        v_hat[first + r] = std::clamp(m.centre + m.spread * value, m.lowest, m.highest);
      }
      return rows;
    });
  });
}

void cross_fit_q(const FittedLog& log, const TargetActions& target, std::span<const std::int32_t> folds,
                 const FittedQOptions& options, TrajectoryLog& trajectories, const FittedProgress& progress) {
  const std::int32_t count = *std::max_element(folds.begin(), folds.end()) + 1;
  trajectories.q_hat.assign(at(log.steps()), 0.0);
  trajectories.v_hat.assign(at(log.steps()), 0.0);
  for (std::int32_t fold = 0; fold < count; ++fold) {
    std::vector<std::int64_t> others, own;
    for (std::size_t i = 0; i < folds.size(); ++i) {
      if (folds[i] != fold) {
        others.push_back(static_cast<std::int64_t>(i));
        continue;
      }
      for (std::int64_t step = log.offsets[i]; step < log.offsets[i + 1]; ++step) own.push_back(step);
    }
    FittedQ model(log, target, others, options);
    while (model.updates() < options.updates) {
      if (interrupted()) throw Interrupted("interrupted while a Q model was fitted; nothing was kept");
      const double loss = model.update();
      if (progress) progress(fold * options.updates + model.updates(), loss);
    }
    std::vector<double> q_hat(own.size()), v_hat(own.size());
    model.values(own, q_hat, v_hat);
    for (std::size_t i = 0; i < own.size(); ++i) {
      trajectories.q_hat[at(own[i])] = q_hat[i];
      trajectories.v_hat[at(own[i])] = v_hat[i];
    }
  }
}

}  // namespace veer::ope

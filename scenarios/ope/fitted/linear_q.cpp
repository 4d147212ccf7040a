#include "scenarios/ope/fitted/linear_q.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "env/error.h"
#include "env/nn/kernels/vector_math.h"
#include "env/runtime.h"

namespace veer::ope {
namespace {

/// Trajectories are cut into so many parts, whatever the number of threads: sums are added in their order.
constexpr std::int64_t sum_parts = 16;

/// to += scale * from.
VEER_KERNEL void add_scaled_row(double* to, double scale, const double* from, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] += scale * from[i];
}

/// Solves matrix x = right for several right sides at once, in place, by elimination with row exchanges.
/// matrix [n, n], right [n, columns].
void solve_in_place(std::vector<double>& matrix, std::vector<double>& right, std::size_t n,
                    std::size_t columns) {
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < n; ++i) {
      if (std::abs(matrix[i * n + k]) > std::abs(matrix[pivot * n + k])) pivot = i;
    }
    if (pivot != k) {
      std::swap_ranges(matrix.begin() + static_cast<std::ptrdiff_t>(k * n),
                       matrix.begin() + static_cast<std::ptrdiff_t>((k + 1) * n),
                       matrix.begin() + static_cast<std::ptrdiff_t>(pivot * n));
      for (std::size_t c = 0; c < columns; ++c) std::swap(right[k * columns + c], right[pivot * columns + c]);
    }
    for (std::size_t i = k + 1; i < n; ++i) {
      const double factor = matrix[i * n + k] / matrix[k * n + k];
      if (factor == 0.0) continue;
      add_scaled_row(&matrix[i * n + k], -factor, &matrix[k * n + k], n - k);
      add_scaled_row(&right[i * columns], -factor, &right[k * columns], columns);
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t c = 0; c < columns; ++c) {
      double value = right[k * columns + c];
      for (std::size_t j = k + 1; j < n; ++j) value -= matrix[k * n + j] * right[j * columns + c];
      right[k * columns + c] = value / matrix[k * n + k];
    }
  }
}

/// Features of logged pairs and of what the policy would do.
class PairReader {
 public:
  PairReader(const FittedLog& log, const TargetActions& target, const PairFeatures& features,
             const LinearQOptions& options)
      : log_(log), target_(target), features_(features), options_(options), one_(at(features.width)) {}

  void logged(std::int64_t step, std::span<double> out) const {
    features_.write(state(step), {log_.actions.data() + at(step) * at(log_.reals), at(log_.reals)}, out);
  }
  /// Mean over the policy's draws in a value state.
  void asked(std::int64_t value_state, std::span<double> out) {
    std::fill(out.begin(), out.end(), 0.0);
    const std::size_t draws = at(target_.draws), reals = at(log_.reals);
    for (std::size_t k = 0; k < draws; ++k) {
      features_.write(state(value_state),
                      {target_.actions.data() + (at(value_state) * draws + k) * reals, reals}, one_);
      const double weight = target_.weights.empty() ? 1.0 / static_cast<double>(draws)
                                                    : double{target_.weights[at(value_state) * draws + k]};
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += weight * one_[i];
    }
  }
  /// gamma times that of the next state; 0 behind an end.
  void ahead(std::int64_t trajectory, std::int64_t step, std::span<double> out) {
    const StepEnd end = log_.end[at(step)];
    if (end == StepEnd::terminated || (end == StepEnd::truncated && options_.cut_is_end)) {
      std::fill(out.begin(), out.end(), 0.0);
      return;
    }
    asked(end == StepEnd::none ? step + 1 : log_.steps() + trajectory, out);
    for (double& value : out) value *= options_.gamma;
  }

 private:
  std::span<const float> state(std::int64_t value_state) const {
    return {log_.states.data() + at(value_state) * at(log_.features), at(log_.features)};
  }
  const FittedLog& log_;
  const TargetActions& target_;
  const PairFeatures& features_;
  const LinearQOptions& options_;
  std::vector<double> one_;
};

/// Calls work(part, trajectory, reader) for the trajectories of every part, parts side by side.
template <class Work>
void for_parts(const FittedLog& log, const PairReader& like, const Work& work) {
  parallel_for(sum_parts, [&](std::int64_t part) {
    PairReader reader = like;
    const std::int64_t first = log.trajectories() * part / sum_parts;
    const std::int64_t last = log.trajectories() * (part + 1) / sum_parts;
    for (std::int64_t i = first; i < last; ++i) work(at(part), i, reader);
  });
}

double inner_of(std::span<const double> a, std::span<const double> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

PairFeatures polynomial_features(const FittedLog& log, bool quadratic) {
  const std::size_t f = at(log.features), a = at(log.reals), n = f + a;
  const std::size_t width = 1 + n + (quadratic ? n * (n + 1) / 2 : 0);
  if (width > 1200) {
    throw ConfigError(Where{{}, 0, "features"}, {fmt::format("{} products of {} values", width, n),
                                                 "at most 1,200", "use linear ones"});
  }
  auto scale = std::make_shared<std::vector<double>>(2 * n);  // mean, 1 / deviation
  for (std::size_t k = 0; k < n; ++k) {
    double sum = 0.0, squares = 0.0;
    for (std::size_t i = 0; i < at(log.steps()); ++i) {
      const double value = k < f ? double{log.states[i * f + k]} : double{log.actions[i * a + k - f]};
      sum += value;
      squares += value * value;
    }
    const double mean = sum / static_cast<double>(log.steps());
    const double deviation =
        std::sqrt(std::max(0.0, squares / static_cast<double>(log.steps()) - mean * mean));
    (*scale)[k] = mean;
    (*scale)[n + k] = 1.0 / std::max(1e-3, deviation);
  }
  return {static_cast<std::int32_t>(width),
          [scale, n, f, quadratic](std::span<const float> state, std::span<const float> action,
                                   std::span<double> out) {
            out[0] = 1.0;
            for (std::size_t k = 0; k < n; ++k) {
              const double value = k < f ? double{state[k]} : double{action[k - f]};
              out[1 + k] = (value - (*scale)[k]) * (*scale)[n + k];
            }
            if (!quadratic) return;
            std::size_t place = 1 + n;
            for (std::size_t i = 0; i < n; ++i) {
              for (std::size_t j = 0; j <= i; ++j) out[place++] = out[1 + i] * out[1 + j];
            }
          }};
}

LinearQ linear_q(const FittedLog& log, const TargetActions& target, const PairFeatures& features,
                 const LinearQOptions& options) {
  if (!(options.gamma >= 0.0 && options.gamma < 1.0) || !(options.ridge > 0.0)) {
    throw ConfigError(Where{{}, 0, "linear Q"},
                      {fmt::format("gamma {}, ridge {}", options.gamma, options.ridge),
                       "a gamma from 0 to below 1, a ridge above 0", ""});
  }
  const std::size_t k = at(features.width);
  const auto trajectories = static_cast<double>(log.trajectories());
  const PairReader like(log, target, features, options);
  // A = sum f (f - gamma f')^T, b = sum f r, c = mean f0.
  struct Sums {
    std::vector<double> a, b, c;
  };
  std::vector<Sums> parts(at(sum_parts), Sums{std::vector<double>(k * k, 0.0), std::vector<double>(k, 0.0),
                                              std::vector<double>(k, 0.0)});
  for_parts(log, like, [&](std::size_t part, std::int64_t i, PairReader& reader) {
    std::vector<double> own(k), next(k);
    Sums& sums = parts[part];
    reader.asked(log.offsets[at(i)], own);
    add_scaled_row(sums.c.data(), 1.0 / trajectories, own.data(), k);
    for (std::int64_t step = log.offsets[at(i)]; step < log.offsets[at(i) + 1]; ++step) {
      reader.logged(step, own);
      reader.ahead(i, step, next);
      for (std::size_t j = 0; j < k; ++j) next[j] = own[j] - next[j];
      for (std::size_t j = 0; j < k; ++j) {
        if (own[j] != 0.0) add_scaled_row(&sums.a[j * k], own[j], next.data(), k);
      }
      add_scaled_row(sums.b.data(), double{log.reward[at(step)]}, own.data(), k);
    }
  });
  Sums all = std::move(parts.front());
  for (std::size_t part = 1; part < parts.size(); ++part) {
    add_scaled_row(all.a.data(), 1.0, parts[part].a.data(), k * k);
    add_scaled_row(all.b.data(), 1.0, parts[part].b.data(), k);
    add_scaled_row(all.c.data(), 1.0, parts[part].c.data(), k);
  }
  double trace = 0.0;
  for (std::size_t j = 0; j < k; ++j) trace += std::abs(all.a[j * k + j]);
  for (std::size_t j = 0; j < k; ++j) all.a[j * k + j] += options.ridge * trace / static_cast<double>(k);

  LinearQ out;
  std::vector<double> matrix = all.a, turned(k * k);
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < k; ++j) turned[j * k + i] = all.a[i * k + j];
  }
  out.theta = all.b;
  solve_in_place(matrix, out.theta, k, 1);
  std::vector<double> u = all.c;
  solve_in_place(turned, u, k, 1);

  Estimate& e = out.estimate;
  e.name = "linear-q";
  e.value = inner_of(all.c, out.theta);
  e.interval = Interval::normal;
  out.weights.resize(at(log.steps()));
  e.contributions.resize(at(log.trajectories()));
  for_parts(log, like, [&](std::size_t, std::int64_t i, PairReader& reader) {
    std::vector<double> own(k), next(k);
    reader.asked(log.offsets[at(i)], own);
    double value = inner_of(own, out.theta);
    for (std::int64_t step = log.offsets[at(i)]; step < log.offsets[at(i) + 1]; ++step) {
      reader.logged(step, own);
      reader.ahead(i, step, next);
      const double weight = inner_of(own, u) * trajectories;
      const double residual =
          double{log.reward[at(step)]} + inner_of(next, out.theta) - inner_of(own, out.theta);
      out.weights[at(step)] = weight;
      value += weight * residual;
    }
    e.contributions[at(i)] = value;
  });
  // People, not trajectories, are independent.
  const ClusterPlaces places = places_of(log.user, log.trajectories());
  std::vector<double> by_cluster(places.count, 0.0);
  for (std::size_t i = 0; i < e.contributions.size(); ++i) {
    by_cluster[places.of_unit[i]] += (e.contributions[i] - e.value) / trajectories;
  }
  const auto clusters = static_cast<double>(places.count);
  e.standard_error = places.count < 2
                         ? std::numeric_limits<double>::quiet_NaN()
                         : std::sqrt(inner_of(by_cluster, by_cluster) * clusters / (clusters - 1.0));
  e.low = e.value - 1.959963985 * e.standard_error;
  e.high = e.value + 1.959963985 * e.standard_error;
  std::vector<double> positive = out.weights;
  for (double& weight : positive) weight = std::max(0.0, weight);
  e.effective_sample_size = effective_sample_size(positive);
  e.largest_share = largest_share(positive);
  return out;
}

}  // namespace veer::ope

#include "simulators/shift/shift_intervals.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "env/runtime.h"

namespace veer::shift {
namespace {

constexpr std::size_t cases_per_block = 16;
constexpr double step_of_differences = 0.02;
constexpr double longest_step = 0.5;
constexpr double quantile = 1.959964;
constexpr double far = 60.0;  ///< a free number beyond every bound's reach

using Matrix = std::vector<double>;  ///< [n, n], row-major

std::vector<Parameter> learned_numbers(const Parameters& parameters) {
  std::vector<Parameter> out;
  for (std::size_t i = 0; i < parameter_count; ++i) {
    const auto p = static_cast<Parameter>(i);
    if (parameters.learned(p) && !info(p).matrix) out.push_back(p);
  }
  return out;
}

struct Scores {
  std::vector<double> total;                        ///< [n] gradient of the summed negative log-likelihood
  std::map<UserId, std::vector<double>> of_person;  ///< the same by person
  double loss = 0.0;
};

Scores scores_at(const Likelihood& likelihood, const Parameters& parameters, const Cases& cases,
                 std::span<const Parameter> numbers, bool by_person) {
  // One person's cases stand together, so blocks end between people when scores are wanted by person.
  std::vector<std::vector<std::int32_t>> blocks;
  for (std::size_t c = 0; c < cases.size(); ++c) {
    const bool same = c > 0 && cases.cuts[c].user == cases.cuts[c - 1].user;
    if (blocks.empty() || (by_person ? !same : blocks.back().size() >= cases_per_block))
      blocks.emplace_back();
    blocks.back().push_back(static_cast<std::int32_t>(c));
  }
  std::vector<std::vector<double>> parts(blocks.size());
  std::vector<double> losses(blocks.size());
  parallel_for(static_cast<std::int64_t>(blocks.size()), [&](std::int64_t b) {
    const auto i = static_cast<std::size_t>(b);
    std::vector<float> gradient(parameters.size(), 0.0F);
    losses[i] = likelihood.add(parameters, cases, blocks[i], 1.0F, gradient);
    parameters.chain(gradient);
    for (const Parameter p : numbers) parts[i].push_back(double{gradient[parameters.offset(p)]});
  });
  Scores out;
  out.total.assign(numbers.size(), 0.0);
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    out.loss += losses[b];
    for (std::size_t i = 0; i < numbers.size(); ++i) out.total[i] += parts[b][i];
    if (!by_person) continue;
    auto& sum = out.of_person[cases.cuts[static_cast<std::size_t>(blocks[b].front())].user];
    sum.resize(numbers.size(), 0.0);
    for (std::size_t i = 0; i < numbers.size(); ++i) sum[i] += parts[b][i];
  }
  return out;
}

/// Second derivatives by central differences of the gradient, made symmetric.
Matrix information(const Likelihood& likelihood, const Parameters& at, const Cases& cases,
                   std::span<const Parameter> numbers) {
  const std::size_t n = numbers.size();
  Matrix h(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    Parameters moved = at;
    float& free = moved.free()[moved.offset(numbers[i])];
    const float kept = free;
    free = kept + static_cast<float>(step_of_differences);
    const Scores above = scores_at(likelihood, moved, cases, numbers, false);
    free = kept - static_cast<float>(step_of_differences);
    const Scores below = scores_at(likelihood, moved, cases, numbers, false);
    for (std::size_t j = 0; j < n; ++j) {
      const double d = (above.total[j] - below.total[j]) / (2.0 * step_of_differences);
      h[i * n + j] += 0.5 * d;
      h[j * n + i] += 0.5 * d;
    }
  }
  return h;
}

/// Inverse of the rows and columns in `use` by Gauss-Jordan with pivots on the diagonal; those whose pivot is
/// not positive are taken out of `use`, and the rest is inverted again.
Matrix inverse(const Matrix& h, std::size_t n, std::vector<bool>& use) {
  while (true) {
    Matrix a = h, inv(n * n, 0.0);
    for (std::size_t i = 0; i < n; ++i) inv[i * n + i] = 1.0;
    std::size_t bad = n;
    for (std::size_t k = 0; k < n && bad == n; ++k) {
      if (!use[k]) continue;
      const double pivot = a[k * n + k];
      if (!(pivot > 1e-6 * std::abs(h[k * n + k])) || !(pivot > 1e-3)) {
        bad = k;
        break;
      }
      for (std::size_t j = 0; j < n; ++j) {
        a[k * n + j] /= pivot;
        inv[k * n + j] /= pivot;
      }
      for (std::size_t i = 0; i < n; ++i) {
        if (i == k || !use[i]) continue;
        const double factor = a[i * n + k];
        for (std::size_t j = 0; j < n; ++j) {
          a[i * n + j] -= factor * a[k * n + j];
          inv[i * n + j] -= factor * inv[k * n + j];
        }
      }
    }
    if (bad == n) return inv;
    use[bad] = false;
  }
}

}  // namespace

RateEstimate estimate_rates(const Likelihood& likelihood, Parameters& parameters, const Cases& cases,
                            int rounds) {
  const std::vector<Parameter> numbers = learned_numbers(parameters);
  const std::size_t n = numbers.size();
  RateEstimate estimate;
  Matrix inv;
  std::vector<bool> use(n, true);
  for (int round = 0; round < rounds && !estimate.converged; ++round) {
    const Scores now = scores_at(likelihood, parameters, cases, numbers, false);
    use.assign(n, true);
    inv = inverse(information(likelihood, parameters, cases, numbers), n, use);
    std::vector<double> step(n, 0.0);
    double longest = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n && use[i]; ++j) {
        if (use[j]) step[i] -= inv[i * n + j] * now.total[j];
      }
      longest = std::max(longest, std::abs(step[i]));
    }
    estimate.converged = longest < 1e-3;
    // Shortened until the likelihood rises; what is left of a step that never does is not taken.
    double scale = std::min(1.0, longest_step / std::max(longest, 1e-12));
    for (int halving = 0; halving < 8; ++halving, scale *= 0.5) {
      Parameters tried = parameters;
      for (std::size_t i = 0; i < n; ++i) {
        tried.free()[tried.offset(numbers[i])] += static_cast<float>(scale * step[i]);
      }
      const Scores then = scores_at(likelihood, tried, cases, numbers, false);
      if (!(then.loss <= now.loss + 1e-6 * std::abs(now.loss))) continue;
      parameters = tried;
      break;
    }
  }

  const Scores at = scores_at(likelihood, parameters, cases, numbers, true);
  use.assign(n, true);
  inv = inverse(information(likelihood, parameters, cases, numbers), n, use);
  const double people = static_cast<double>(at.of_person.size());
  for (std::size_t i = 0; i < n; ++i) {
    // Row i of inverse information times every person's scores: their squares add up to the sandwich.
    double variance = 0.0;
    for (const auto& [user, score] : at.of_person) {
      double influence = 0.0;
      for (std::size_t j = 0; j < n; ++j) {
        if (use[j]) influence += inv[i * n + j] * score[j];
      }
      variance += influence * influence;
    }
    variance *= people > 1.0 ? people / (people - 1.0) : 1.0;
    const double reach = use[i] ? quantile * std::sqrt(variance) : far;
    Parameters end = parameters;
    const std::size_t place = end.offset(numbers[i]);
    const float free = parameters.free()[place];
    const auto value_at = [&](double x) {
      end.free()[place] = static_cast<float>(std::clamp(x, -far, far));
      return double{end.value(numbers[i])};
    };
    estimate.rates.push_back(
        {numbers[i], parameters.value(numbers[i]), value_at(free - reach), value_at(free + reach)});
  }
  return estimate;
}

}  // namespace veer::shift

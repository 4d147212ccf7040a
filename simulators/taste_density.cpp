#include "simulators/taste_density.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "env/runtime.h"

namespace veer {
namespace {

constexpr std::size_t grid = 50;  ///< bandwidths tried
constexpr std::int64_t people_per_direction = 4;

/// What is left of a variance of 1 when it counts as nothing: tastes are floats.
constexpr double nothing = 1e-6;

using Likelihoods = std::array<double, grid>;

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0.0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
  return sum;
}

double bandwidth_of(std::size_t k) { return static_cast<double>(k + 1) / static_cast<double>(grid); }

/// People as rows of coordinates whose covariance is the identity.
struct Whitened {
  std::size_t people = 0;
  std::size_t directions = 0;
  std::vector<double> rows;
  std::vector<double> squares;  ///< of their lengths

  std::span<const double> row(std::size_t person) const noexcept {
    return std::span(rows).subspan(person * directions, directions);
  }
};

/// `centred` [n, d]. A Cholesky factorisation of the covariance that takes the coordinate of largest
/// remaining variance next turns, row by row, into coordinates of unit covariance: Gram-Schmidt over people.
Whitened whiten(std::vector<double> centred, std::size_t people, std::size_t width, std::size_t most) {
  const auto moment = [&](std::size_t a, std::size_t b) {
    double sum = 0.0;
    for (std::size_t p = 0; p < people; ++p) sum += centred[p * width + a] * centred[p * width + b];
    return sum / static_cast<double>(people);
  };
  std::vector<double> variance(width);
  for (std::size_t c = 0; c < width; ++c) variance[c] = moment(c, c);
  const double least = nothing * *std::ranges::max_element(variance);
  std::vector<std::size_t> chosen;
  while (chosen.size() < std::min(most, width)) {
    const auto next = static_cast<std::size_t>(std::ranges::max_element(variance) - variance.begin());
    if (!(variance[next] > least)) break;
    chosen.push_back(next);
    const double scale = 1.0 / std::sqrt(moment(next, next));
    for (std::size_t p = 0; p < people; ++p) centred[p * width + next] *= scale;
    variance[next] = 0.0;
    for (std::size_t c = 0; c < width; ++c) {
      if (std::ranges::find(chosen, c) != chosen.end()) continue;
      const double share = moment(c, next);
      for (std::size_t p = 0; p < people; ++p) {
        centred[p * width + c] -= share * centred[p * width + next];
      }
      variance[c] = moment(c, c);
    }
  }
  Whitened out{people, chosen.size(), std::vector<double>(people * chosen.size()), {}};
  for (std::size_t p = 0; p < people; ++p) {
    for (std::size_t k = 0; k < chosen.size(); ++k) {
      out.rows[p * chosen.size() + k] = centred[p * width + chosen[k]];
    }
    out.squares.push_back(dot(out.row(p), out.row(p)));
  }
  return out;
}

/// The log-likelihood of one person under all the others, up to a constant, for every bandwidth (header).
Likelihoods left_out(const Whitened& tastes, std::size_t person) {
  const auto n = static_cast<double>(tastes.people);
  const auto r = static_cast<double>(tastes.directions);
  const double e = 1.0 / (n - 1.0);
  const std::span<const double> own = tastes.row(person);
  const double square = tastes.squares[person];
  // 0 where nobody else goes in one of this person's directions: almost impossible, at any bandwidth.
  const double left = std::max(1.0 - e * square, nothing);
  Likelihoods share, greatest, sum, out;
  for (std::size_t k = 0; k < grid; ++k) share[k] = std::sqrt(1.0 - bandwidth_of(k) * bandwidth_of(k));
  greatest.fill(-std::numeric_limits<double>::infinity());
  sum.fill(0.0);
  for (std::size_t other = 0; other < tastes.people; ++other) {
    if (other == person) continue;
    const double product = dot(own, tastes.row(other));
    // a = (1 + e) w_i, b = w_j + e w_i, v = a - s b
    const double aa = (1.0 + e) * (1.0 + e) * square;
    const double ab = (1.0 + e) * (product + e * square);
    const double bb = tastes.squares[other] + 2.0 * e * product + e * e * square;
    for (std::size_t k = 0; k < grid; ++k) {
      const double h = bandwidth_of(k);
      const double s = share[k];
      const double along = (1.0 + e) * square - s * (product + e * square);
      const double distance = (n - 1.0) / n * (aa - 2.0 * s * ab + s * s * bb + e * along * along / left);
      const double value = -0.5 * distance / (h * h);
      if (value <= greatest[k]) {
        sum[k] += std::exp(value - greatest[k]);
      } else {
        sum[k] = sum[k] * std::exp(greatest[k] - value) + 1.0;
        greatest[k] = value;
      }
    }
  }
  for (std::size_t k = 0; k < grid; ++k) {
    out[k] = greatest[k] + std::log(sum[k] * e) - r * std::log(bandwidth_of(k)) - 0.5 * std::log(left);
  }
  return out;
}

}  // namespace

TasteDensity::TasteDensity(std::vector<float> tastes, std::int32_t width, std::optional<double> bandwidth)
    : tastes_(std::move(tastes)), width_(width), mean_(static_cast<std::size_t>(width)) {
  std::vector<double> sums(mean_.size(), 0.0);
  for (std::size_t i = 0; i < tastes_.size(); ++i) sums[i % sums.size()] += double{tastes_[i]};
  for (std::size_t c = 0; c < sums.size(); ++c) {
    mean_[c] = static_cast<float>(sums[c] / static_cast<double>(people()));
  }
  if (bandwidth) {
    bandwidth_ = *bandwidth;
  } else {
    fit();
  }
}

std::int64_t TasteDensity::people() const noexcept { return std::ssize(tastes_) / width_; }

std::span<const float> TasteDensity::taste(std::int64_t person) const noexcept {
  return std::span(tastes_).subspan(static_cast<std::size_t>(person) * mean_.size(), mean_.size());
}

void TasteDensity::fit() {
  const auto n = static_cast<std::size_t>(people());
  std::vector<double> centred(tastes_.size());
  for (std::size_t i = 0; i < tastes_.size(); ++i) {
    centred[i] = double{tastes_[i]} - double{mean_[i % mean_.size()]};
  }
  const Whitened tastes =
      whiten(std::move(centred), n, mean_.size(), static_cast<std::size_t>(people() / people_per_direction));
  directions_ = static_cast<std::int32_t>(tastes.directions);
  if (directions_ == 0) return;
  std::vector<Likelihoods> each(n);
  parallel_for(people(), [&](std::int64_t person) {
    each[static_cast<std::size_t>(person)] = left_out(tastes, static_cast<std::size_t>(person));
  });
  Likelihoods total{};
  for (const Likelihoods& one : each) {
    for (std::size_t k = 0; k < grid; ++k) total[k] += one[k];
  }
  const auto best = static_cast<std::size_t>(std::ranges::max_element(total) - total.begin());
  bandwidth_ = bandwidth_of(best);
  gain_ = (total[best] - total.back()) / static_cast<double>(n);
}

void TasteDensity::draw_around(std::int64_t a, const StepKey& key, std::uint32_t first_lane,
                               std::span<float> out) const noexcept {
  const auto anybody = [&](std::uint32_t lane) {
    return taste(uniform_below(static_cast<std::uint32_t>(people()), key, Stream::scenario, lane));
  };
  const auto kept = static_cast<float>(std::sqrt(1.0 - bandwidth_ * bandwidth_));
  const auto moved = static_cast<float>(bandwidth_ / std::sqrt(2.0));
  const std::span<const float> own = taste(a), b = anybody(first_lane), c = anybody(first_lane + 1);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = mean_[i] + kept * (own[i] - mean_[i]) + moved * (b[i] - c[i]);
  }
}

}  // namespace veer

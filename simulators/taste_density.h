// Where people's tastes lie, as a distribution from which new tastes can be drawn: a smoothed bootstrap.
//
// From tastes z_1..z_n in R^d with mean m and covariance S, a new one is
//   z' = m + sqrt(1 - h^2) (z_a - m) + h (z_b - z_c) / sqrt(2)      a, b, c: members drawn at random
// Silverman, Young, "The bootstrap: to smooth or not to smooth?", Biometrika 1987: a kernel density shrunk so
// that mean and covariance of the draws are m and S for every bandwidth h. h = 0 copies members; h = 1 keeps
// nothing of a. The kernel (z_b - z_c) / sqrt(2) has covariance S and goes only where members differ.
//
// Bandwidth. h maximises the leave-one-out likelihood of the same density with a normal kernel,
//   sum_i log 1/(n-1) sum_{j != i} N(z_i; m_i + sqrt(1 - h^2) (z_j - m_i), h^2 S_i)
// where m_i and S_i are mean and covariance without i, over h = 1/50, 2/50 .. 1. In closed form, with the
// tastes whitened (S = I, m = 0), e = 1/(n-1) and v = (1 + e) w_i - s (w_j + e w_i), s = sqrt(1 - h^2):
//   v' S_i^-1 v = (n-1)/n (|v|^2 + e (w_i.v)^2 / (1 - e |w_i|^2)),   |S_i| = (n/(n-1))^r (1 - e |w_i|^2)
// Few people say little about many directions: the likelihood is that of the r coordinates of largest
// variance given those before them (a Cholesky factor with pivots), r at most n / 4; what is left of the
// others may also be nothing, where tastes lie in a plane.
//
// Thread-safety: immutable after construction, which uses the current arena; results do not depend on the
// number of threads. Torch-free.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "env/random.h"

namespace veer {

class TasteDensity {
 public:
  /// `tastes` [n, width]. Without a bandwidth (0..1) it is fitted. REQUIRES: n >= 4, all finite.
  TasteDensity(std::vector<float> tastes, std::int32_t width, std::optional<double> bandwidth = {});

  std::int64_t people() const noexcept;
  std::int32_t width() const noexcept { return width_; }
  double bandwidth() const noexcept { return bandwidth_; }
  /// Coordinates the bandwidth was fitted on; 0 when it was given, or when all tastes are the same.
  std::int32_t directions() const noexcept { return directions_; }
  /// Leave-one-out log-likelihood per person at the bandwidth minus that at h = 1, the normal distribution
  /// with the same mean and covariance; nats. 0 when nothing was fitted.
  double gain() const noexcept { return gain_; }

  /// A new taste around member `a`, 0..people()-1; b and c are drawn (Stream::scenario, lanes first_lane and
  /// first_lane + 1).
  void draw_around(std::int64_t a, const StepKey& key, std::uint32_t first_lane,
                   std::span<float> out) const noexcept;

 private:
  void fit();
  std::span<const float> taste(std::int64_t person) const noexcept;

  std::vector<float> tastes_;
  std::int32_t width_;
  std::vector<float> mean_;
  double bandwidth_ = 0.0;
  std::int32_t directions_ = 0;
  double gain_ = 0.0;
};

}  // namespace veer

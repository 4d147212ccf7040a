// MAGIC: between the model and weighted doubly robust estimation, the mixture with the smallest estimated
// error.
//
// The j-step return g^(j) uses importance weights for steps up to j and the model behind: g^(-1) is the
// model's value, the last is wdr. Their covariance is that of clusters' contributions; the bias of g^(j) is
// its signed distance from a 90 % interval of wdr, 0 inside. The mixture x minimises x' (covariance + bias
// bias') x over the simplex. Source: Thomas, Brunskill, "Data-efficient off-policy policy evaluation for
// reinforcement learning", ICML 2016, section 6. Thread-safety: pure but for the Summariser.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "scenarios/ope/estimate.h"

namespace veer::ope {

/// Returns mixed at most: the model, wdr, and steps evenly between.
inline constexpr std::int64_t most_returns = 25;

struct Magic {
  std::vector<std::int64_t> steps;  ///< j of each return, from -1
  std::vector<double> returns;      ///< g^(j)
  std::vector<double> bias;         ///< signed, as estimated
  std::vector<double> mixture;      ///< not negative, sum 1
  /// The estimate as a sum of ratios with the mixture fixed. An interval of this alone would be too short:
  /// the bias of the model counts as 0 while it lies within that of wdr.
  Ratios ratios;
};

/// `wdr` as wdr_ratios() has it. Where wdr or its interval is undefined (one cluster), the mixture is NaN.
Magic magic_of(const Ratios& wdr, std::span<const UserId> clusters, Summariser& summariser);

/// argmin x' M x over x >= 0, sum x = 1. `matrix` is row-major, size x size. REQUIRES: symmetric, positive
/// semidefinite, size > 0. The largest gap in the optimality conditions is 1e-12 of the largest entry.
std::vector<double> smallest_on_simplex(std::span<const double> matrix, std::size_t size);

}  // namespace veer::ope

// Cross-fitting: values of a model at steps that it did not learn from. A model judged on its own training
// data fits their noise, and doubly robust estimates are then no longer centred. Source: Chernozhukov et al.,
// "Double/debiased machine learning", Econometrics Journal 21(1), 2018. Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "scenarios/ope/log.h"

namespace veer::ope {

/// The fold of each unit, 0 .. folds-1. Units of one cluster share a fold; sizes in clusters differ by at
/// most one. Which cluster goes where is drawn from `seed`. Throws ConfigError for fewer than two folds, or
/// fewer clusters than folds. REQUIRES: clusters are empty or one per unit.
std::vector<std::int32_t> folds_of(std::int64_t units, std::span<const UserId> clusters, std::int32_t folds,
                                   std::uint64_t seed);

/// A model's q_hat and v_hat at one step (or row) of the log.
struct StepValues {
  double q_hat = 0.0, v_hat = 0.0;
};
using QModel = std::function<StepValues(std::int64_t step)>;
/// Learns from the trajectories (or rows) listed, ascending.
using FitQ = std::function<QModel(std::span<const std::int64_t> units)>;

/// Fills q_hat and v_hat: those of a fold from a model that learned from all others. REQUIRES: a checked log,
/// a fold per trajectory (row).
void cross_fit(TrajectoryLog& log, std::span<const std::int32_t> folds, const FitQ& fit);
void cross_fit(BanditLog& log, std::span<const std::int32_t> folds, const FitQ& fit);

}  // namespace veer::ope

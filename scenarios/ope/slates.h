// Estimators for slates: the expected sum of the rewards of a slate's positions under the policy in question.
//
// With rho_k = target / behaviour of the item at position k given those above it, w_k = rho_1 ... rho_k, and
// m_k the ratio of the item's probabilities to stand at position k whatever stands elsewhere:
//   sips   mean( w_last sum_k r_k )    unbiased
//   iips   mean( sum_k m_k r_k )       unbiased where an item's reward depends on the item and its position
//   rips   mean( sum_k w_k r_k )       unbiased where it also depends on the items above it, not below
//   sn-... each sum over the mean of its weights (iips, rips: position by position), consistent likewise
// Sources: Swaminathan et al., NeurIPS 2017 (whole slates); Li et al., KDD 2018 (item-position); McInerney et
// al., KDD 2020 (rips). Thread-safety: pure but for the Summariser.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "scenarios/ope/estimate.h"
#include "scenarios/ope/log.h"

namespace veer::ope {

enum class SlateEstimator : std::uint8_t { sips, sn_sips, iips, sn_iips, rips, sn_rips };
std::span<const SlateEstimator> slate_estimators() noexcept;
std::string_view name_of(SlateEstimator estimator) noexcept;

/// REQUIRES: a checked log. Sample size and largest share are those of the weights of whole slates (of iips:
/// of the ratios of a slate's items, averaged). Throws as estimate() of trajectories.
Estimate estimate(const SlateLog& log, SlateEstimator estimator, Summariser& summariser);

}  // namespace veer::ope

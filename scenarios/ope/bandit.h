// Estimators for independent decisions: what would the policy in question have earned on the logged rows?
//
// With w = target / behaviour, and the rows' q_hat and v_hat of a reward model (fitted on other rows than it
// is used on, see folds.h):
//   ips           mean(w r)                               unbiased where behaviour shows all that target
//   shows clipped-ips   mean(min(w, clip) r)                    biased towards small values of rare actions
//   snips         sum(w r) / sum(w)                       consistent
//   sg-ips        mean(w' r), w' = w / (1 - s + s w)      biased, sub-Gaussian tails
//   dm            mean(v_hat)                             as good as the model, as its interval does not say
//   dr            mean(v_hat + w (r - q_hat))             unbiased with true propensities, whatever the model
//   clipped-dr    mean(v_hat + min(w, clip) (r - q_hat))
//   sndr          mean(v_hat) + sum(w (r - q_hat)) / sum(w)
//   switch-dr     mean(v_hat + w 1{w <= switch_at} (r - q_hat))
//   dros          mean(v_hat + l w / (w^2 + l) (r - q_hat))   l = shrinkage; 0 is dm, infinite is dr
//   sg-dr         mean(v_hat + w' (r - q_hat))
// Sources: Horvitz, Thompson 1952; Swaminathan, Joachims, NeurIPS 2015 (snips); Dudik, Langford, Li, ICML
// 2011 (dr); Wang, Agarwal, Dudik, ICML 2017 (switch; here the residual alone is dropped beyond the
// threshold, v_hat always covers the whole policy); Su et al., ICML 2020 (dros); Metelli et al., NeurIPS 2021
// (sg); Farajtabar et al., ICML 2018 (mrdr). Thread-safety: pure but for the Summariser.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "scenarios/ope/estimate.h"
#include "scenarios/ope/log.h"

namespace veer::ope {

enum class BanditEstimator : std::uint8_t {
  ips,
  clipped_ips,
  snips,
  sg_ips,
  dm,
  dr,
  clipped_dr,
  sndr,
  switch_dr,
  dros,
  sg_dr,
};
/// All of them, in the order of the list above.
std::span<const BanditEstimator> bandit_estimators() noexcept;
std::string_view name_of(BanditEstimator estimator) noexcept;
/// Whether it reads q_hat and v_hat.
bool needs_model(BanditEstimator estimator) noexcept;

struct BanditOptions {
  double clip = 10.0;         ///< largest weight of the clipped estimators, above 0; infinite: none
  double switch_at = 10.0;    ///< largest weight whose residual switch-dr uses, at least 0
  double shrinkage = 100.0;   ///< lambda of dros, at least 0; infinite: dr
  double sub_gaussian = 0.1;  ///< lambda of sg-ips and sg-dr, 0 (nothing changes) to 1 (all weights 1)
};

/// REQUIRES: a checked log. Throws ConfigError for options out of their range, and where the estimator needs
/// a model and the log has none.
Estimate estimate(const BanditLog& log, BanditEstimator estimator, const BanditOptions& options,
                  Summariser& summariser);

/// Weights of the rows for fitting the reward model of MRDR, which is dr with that model:
/// target (1 - behaviour) / behaviour^2. REQUIRES: a checked log of discrete actions.
std::vector<double> mrdr_weights(const BanditLog& log);

}  // namespace veer::ope

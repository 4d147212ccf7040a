// More robust doubly robust estimation: dr whose Q model is fitted so that dr varies least, rather than so
// that Q is right. Over few states and discrete actions, with one policy having acted.
//
// What is minimised over Q(s, .), state by state, is the sum over logged steps of
//   c q' Omega q,  c = gamma^2t w_(t-1)^2 rho_t,  q = target (.) Q(s, .) - onehot(a_t) R_t,
//   Omega = diag(1 / behaviour(.|s)) - 1 1',  R_t = r_t + gamma rho_(t+1) R_(t+1).
// Omega takes `behaviour` to 0, so Q is free along behaviour / target, which dr does not notice: what it
// adds to the model's value it takes off the residual. The solution without that part is
//   Q(s, a) = sum over steps with a of c R / (target(a|s) sum over all steps of s of c),
// whose value of a state is the weighted mean of R. Source: Farajtabar, Chow, Ghavamzadeh, ICML 2018,
// section 4.2. Thread-safety: pure but for the Summariser.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "scenarios/ope/folds.h"
#include "scenarios/ope/tabular.h"

namespace veer::ope {

/// That Q, [states, actions], from these trajectories; 0 where the policy never acts and in states without a
/// step that it could have reached. REQUIRES: checked; `trajectories` ascending.
std::vector<double> mrdr_q(const TrajectoryLog& log, const Tabular& tabular,
                           std::span<const std::int64_t> trajectories);

/// mrdr_q as a model to cross-fit with. Both arguments must outlive it and its models.
FitQ mrdr_fit(const TrajectoryLog& log, const Tabular& tabular);

/// dr with that model, cross-fitted in these folds, by the name "mrdr". q_hat and v_hat of the log are not
/// read. Unbiased as dr is. REQUIRES: checked.
Estimate mrdr(const TrajectoryLog& log, const Tabular& tabular, std::span<const std::int32_t> folds,
              Summariser& summariser);

}  // namespace veer::ope

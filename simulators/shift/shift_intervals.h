// The rates at the very top of the likelihood, and how sure the log is of each.
//
// Newton's method on the single numbers that are learned, matrices and networks held where they are; then
// intervals from the sandwich of observed information and scores clustered by person (White, "Maximum
// likelihood estimation of misspecified models", Econometrica 1982), on the free scale and mapped to values,
// so that bounds are kept. They are intervals of the number that predicts best on logs like this one, not of
// a cause.
//
// Thread-safety: free functions; full passes over the cases are spread over the current arena. Torch-free
// header.
#pragma once

#include <vector>

#include "simulators/shift/shift_gradient.h"

namespace veer::shift {

struct RateInterval {
  Parameter parameter = Parameter::start_scale;
  double value = 0.0;
  double low = 0.0, high = 0.0;  ///< 95 %
};

struct RateEstimate {
  std::vector<RateInterval> rates;
  bool converged = false;  ///< the last Newton step was below 1e-3 in every free number
};

/// Moves `parameters` to the maximum and says how sure it is. A number whose information is not positive
/// (a rate the log says nothing about, or one at its bound) is left alone and gets the whole range of its
/// bounds as interval. `rounds`: Newton steps at most; 0: only intervals, where the parameters stand.
RateEstimate estimate_rates(const Likelihood& likelihood, Parameters& parameters, const Cases& cases,
                            int rounds = 12);

}  // namespace veer::shift

// Adam over the free numbers of a shift_user, one minibatch of cases at a time, with a watch on what
// explodes.
//
// Thread-safety: one caller; a minibatch is spread over the current arena. Determinism: shards of a fixed
// number of cases, their gradients summed in index order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/named_arrays.h"
#include "simulators/shift/shift_cases.h"
#include "simulators/shift/shift_gradient.h"

namespace veer::shift {

struct LearningSteps {
  float rate = 0.02F;     ///< Adam's, for single numbers
  float weight = 0.003F;  ///< Adam's, for matrices and networks
};

class Learner {
 public:
  /// `likelihood` must outlive the learner.
  Learner(const Likelihood& likelihood, Parameters parameters, const LearningSteps& steps);

  const Parameters& parameters() const noexcept { return parameters_; }
  /// Begins anew from these parameters, without memory of former gradients.
  void begin(Parameters parameters);

  /// One update. Returns the sum of the negative log-likelihood over the scored events before it. Throws
  /// DataError naming `when`, the parameter, what it became and what to do, when a number is not finite or
  /// out of every reasonable range.
  double update(const Cases& cases, std::span<const std::int32_t> which, const std::string& when);

  NamedArrays state() const;
  void restore(const NamedArrays& state);

 private:
  void check_finite(std::span<const float> values, const std::string& when, const char* what) const;
  void check_ranges(const std::string& when) const;

  const Likelihood& likelihood_;
  Parameters parameters_;
  LearningSteps steps_;
  std::int64_t updates_ = 0;
  std::vector<float> first_, second_;
  std::vector<std::vector<float>> gradients_;  ///< one per shard of a minibatch
};

}  // namespace veer::shift

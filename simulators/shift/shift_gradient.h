// The likelihood of what people took, event by event, and its gradient through time. shift_dynamics.h has
// the mathematics.
//
// One definition for every model that is compared: -ln softmax over the items 1..N of the whole catalogue,
// nothing excluded. Thread-safety: immutable; calls on disjoint outputs may run at once. Float, CPU, no
// autograd: a forward pass that keeps the states, one matrix product per tile of scored events, a backward
// pass. Torch-free header.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "simulators/shift/shift_cases.h"
#include "simulators/shift/shift_items.h"
#include "simulators/shift/shift_layout.h"

namespace veer::shift {

/// What is kept about every event of the cases asked for; unscored ones are NaN and 0.
struct EventScores {
  std::vector<float> nll;          ///< nats
  std::vector<std::int32_t> rank;  ///< 1 + number of items that score more; 0 where not scored
};

class Likelihood {
 public:
  Likelihood(std::shared_ptr<const Items> items, std::int32_t recent_items);
  ~Likelihood();

  const Items& items() const noexcept;

  /// Sum of the negative log-likelihood over the scored events of the cases `which`, in nats. When `gradient`
  /// is not empty, adds weight * its derivatives with respect to the values, laid out as Parameters::free();
  /// parameters.chain() makes them derivatives of the free numbers.
  double add(const Parameters& parameters, const Cases& cases, std::span<const std::int32_t> which,
             float weight, std::span<float> gradient) const;

  /// Scores all cases over the current arena in blocks of a fixed size.
  EventScores score(const Parameters& parameters, const Cases& cases) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace veer::shift

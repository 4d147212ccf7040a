// Fitted Q evaluation as a script on the same library would do it: columns as tensors, modules, one graph per
// batch, LibTorch's Adam. Torch-free header; not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "env/named_arrays.h"
#include "scenarios/ope/fitted/fitted_q.h"

namespace veer::bench {

class StraightforwardQ {
 public:
  /// Learns from all steps of `log`; begins with `weights`. The options are fitted_q.h's, without
  /// conservatism.
  StraightforwardQ(const ope::FittedLog& log, const ope::TargetActions& target,
                   const ope::FittedQOptions& options, const NamedArrays& weights);
  ~StraightforwardQ();

  /// One update on the batch that FittedQ draws for it; the mean squared error before it.
  double update();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veer::bench

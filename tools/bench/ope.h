// Off-policy evaluation with a learned model: FQE and DR on a log whose true value is known.
// Torch-free header.
#pragma once

#include "tools/bench/workload.h"

namespace veer::bench {

/// A million logged steps of a linear process with 20 features and 12 action values (ope::LinearProcess): a
/// Q network of 128-128 fitted by 5,000 updates of 1,024 steps in each of two folds, its values at all steps,
/// then dr. Straightforward: modules, one graph per batch, LibTorch's Adam, at 1 and at as many intra-op
/// threads as the engine has workers, the ratio taken against the faster.
///
/// The updates agree when the first 50 losses from the same weights and batches differ by less than 1e-3 of
/// their size. The evaluation agrees when dr is within 4 of its standard errors of the exact value, and dm
/// within a tenth of the difference between the two policies.
BenchReport ope_with_model(const BenchOptions& options);

}  // namespace veer::bench

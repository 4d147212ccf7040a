// `veer bench ensemble`: what five models that speak as one cost, against the five one after another.
#pragma once

#include "tools/bench/workload.h"

namespace veer::bench {

/// People whose taste shifts, five sets of rates over one network: their histories are read once. Beside it
/// five networks of their own, which share nothing.
BenchReport ensemble(const BenchOptions& options);

}  // namespace veer::bench

// How the cost of scoring paths grows with the catalogue and falls with threads. Torch-free header.
#pragma once

#include "tools/bench/workload.h"

namespace veer::bench {

/// Path scoring as in `path-score`, 4 paths per user: catalogues of 10^3 to 10^6 items with as many users as
/// keep the straightforward way's logits of one batch under 4 GB, then the engine alone on 1 and on 2 threads
/// at 3,706 items (unit and ratio then mean: rate on 2 threads against rate on 1).
BenchReport scaling(const BenchOptions& options);

}  // namespace veer::bench

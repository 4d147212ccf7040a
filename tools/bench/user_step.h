// `veer bench user-step`: one step of people whose taste shifts, against encoding their history anew.
#pragma once

#include "tools/bench/workload.h"

namespace veer::bench {

/// 3,706 items, width 64, 18 attributes, histories of 50 items, batches of 256, 4,096 and 65,536: the
/// acceptance of one item, and that with interest and rank over the full catalogue. The straightforward way
/// encodes the same histories by the same program's SASRec before every answer. And a million people at once.
BenchReport user_step(const BenchOptions& options);

}  // namespace veer::bench

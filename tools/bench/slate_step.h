// `veer bench slate-step`: one step of the world ml1m-session, against the response model row by row.
#pragma once

#include "tools/bench/workload.h"

namespace veer::bench {

/// 3,706 items and 6,040 people with 33 values each, histories of 50, slates of 9, width 16, hidden 256;
/// uniform random slates; batches of 32, 256 and 2,048; people who leave are replaced, or nobody leaves;
/// dropout of the profile's network on (as the published environments run) and off.
BenchReport slate_step(const BenchOptions& options);

}  // namespace veer::bench

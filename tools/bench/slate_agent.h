// `veer bench slate-agent`: the world of slate-step with a SASRec policy that chooses what is shown, against
// the network computed at every position with LibTorch's modules and people row by row.
#pragma once

#include "tools/bench/workload.h"

namespace veer::bench {

/// The world ml1m-session as in slate-step, dropout of its people on; 2 layers of width 32, 4 heads,
/// feed-forward 64, histories of 50 places, the best 9 of 3,706 items at every step; batches of 32, 256 and
/// 2,048; people who leave are replaced, or nobody leaves; dropout of the policy on (as published) and off.
BenchReport slate_agent(const BenchOptions& options);

}  // namespace veer::bench

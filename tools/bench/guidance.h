// Workloads `rollout` and `prorl-step`: sampled paths of a path model, and a whole update by reward, against
// the straightforward way.
#pragma once

#include "tools/bench/workload.h"

namespace veer::bench {

BenchReport rollout(const BenchOptions& options);
BenchReport prorl_step(const BenchOptions& options);

}  // namespace veer::bench

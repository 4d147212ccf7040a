// Training agents that set fusion weights from a log. Torch-free header.
#pragma once

#include "tools/bench/workload.h"

namespace veer::bench {

/// Updates per second of TD3 and CQL (critics of 256-256, batch 256, 20 features, 12 weights, the authors'
/// settings) on 100,000 logged transitions. Straightforward: modules, one graph per loss, LibTorch's Adam, at
/// 1 and at as many intra-op threads as the engine has workers, the ratio taken against the faster.
///
/// A case agrees when the critic's losses (and the actor's, where it learns) of 30 updates from the same
/// weights with the same random numbers differ by less than 1e-3 of their size.
BenchReport train_fusion(const BenchOptions& options);

}  // namespace veer::bench

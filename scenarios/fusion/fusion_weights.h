// The weights that a policy sets in worlds that fuse predictions. Internal to scenarios/fusion.
#pragma once

#include "env/batch.h"

namespace veer {

/// Throws ConfigError naming lane, episode, step, task and value for a weight of the row that is not in
/// -1..1.
void check_fusion_weights(const Shard& shard, std::int32_t row);

}  // namespace veer

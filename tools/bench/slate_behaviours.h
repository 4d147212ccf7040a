// `veer bench kuaisim-step`: one step of the world kuaisim-session with people of several behaviours, against
// the same model through LibTorch.
#pragma once

#include "tools/bench/workload.h"

namespace veer::bench {

/// 3,706 items, 6,040 people, full histories of 100, slates of 6, three behaviours, encodings of 64, two
/// layers of width 128 with four heads and a feed-forward network of 64, 228,224 values beside the ids;
/// uniform random slates; batches of 32, 256 and 2,048; dropout of 0.1 on (as the published environment runs)
/// and off.
BenchReport kuaisim_step(const BenchOptions& options);

}  // namespace veer::bench

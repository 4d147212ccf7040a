// How many episodes fit in memory. Torch-free header.
#pragma once

#include "tools/bench/workload.h"

namespace veer::bench {

/// A million concurrent episodes with room for 50 history items and a random policy, for people with a known
/// truth and (with LibTorch) GRU4Rec people. Unit: episodes per GiB of resident memory that the engine adds,
/// user-model state included; figures give the GiB. A case agrees when it stays under 2 GiB. There is no
/// straightforward side.
BenchReport memory(const BenchOptions& options);

/// Resident memory of this process in GiB (Linux; 0 elsewhere).
double resident_gib();

}  // namespace veer::bench

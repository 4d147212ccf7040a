// What recording costs: evaluation of synthetic people under one judge, written to a run directory or not.
#pragma once

#include "tools/bench/workload.h"

namespace veer::bench {

/// Engine: with a recorder, to the closed manifest; the other way: without. Figures: megabytes (10^6 bytes)
/// that ten million such steps take on disk. Agrees when the run read back holds the steps that were played.
BenchReport record(const BenchOptions& options);

}  // namespace veer::bench

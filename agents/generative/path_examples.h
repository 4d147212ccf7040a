// Paths that people walked by themselves as training material: who may be learned from, and in which order.
// Torch-free; pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/data/dataset.h"
#include "env/data/path_miner.h"

namespace veer {

/// The mined paths of the people of one part, by person, then by place.
std::vector<PathExample> examples_of(const Dataset& data, Part part, const MinerOptions& options);

/// A permutation of 0..count-1 for one pass over the examples, drawn from (seed, epoch).
std::vector<std::int32_t> order_of_epoch(std::size_t count, std::uint64_t seed, std::uint32_t epoch);

}  // namespace veer

// What tells one training of a path model from another, for checkpoints. Torch-free; pure.
#pragma once

#include <span>
#include <string>

#include "agents/generative/path_model.h"
#include "env/data/path_miner.h"

namespace veer {

/// SHA-256 over the start's weights and tokens, and over who walked which paths.
std::string material_digest(const PathModel& start, std::span<const PathExample> training,
                            std::span<const PathExample> validation);

}  // namespace veer

// Names, shapes and initial distributions of the parameters of a next-item network. Torch-free.
#pragma once

#include <vector>

#include "env/nn/parameter_layout.h"
#include "env/nn/sequence_model.h"

namespace veer::nn {

/// Throws ConfigError naming the field when the sizes make no network.
void check_config(const SequenceConfig& config);

/// All parameters in the order of sequence_net.h. Initial values as RecBole's: SASRec N(0, 0.02) weights,
/// zero biases; GRU4Rec Xavier-normal items, Xavier-uniform GRU, uniform read-out as torch::nn::Linear.
/// REQUIRES: a checked config.
std::vector<ParameterLayout> parameter_layout(const SequenceConfig& config);

}  // namespace veer::nn

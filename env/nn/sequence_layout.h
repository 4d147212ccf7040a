// Names, shapes and initial distributions of the parameters of a next-item network. Torch-free.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "env/nn/sequence_model.h"

namespace veer::nn {

enum class Initial : std::uint8_t { zeros, ones, normal, uniform };

struct ParameterLayout {
  std::string name;
  std::vector<std::int64_t> shape;
  Initial initial = Initial::zeros;
  float scale = 0.0F;  ///< standard deviation, or half the width of the interval around zero

  std::int64_t size() const noexcept;
};

/// Throws ConfigError naming the field when the sizes make no network.
void check_config(const SequenceConfig& config);

/// All parameters in the order of sequence_net.h. Initial values as RecBole's: SASRec N(0, 0.02) weights,
/// zero biases; GRU4Rec Xavier-normal items, Xavier-uniform GRU, uniform read-out as torch::nn::Linear.
/// REQUIRES: a checked config.
std::vector<ParameterLayout> parameter_layout(const SequenceConfig& config);

}  // namespace veer::nn

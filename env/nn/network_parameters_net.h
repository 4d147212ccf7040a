// The parameters of a network as tensors on a device. Needs LibTorch: include it from .cpp files only.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "env/named_arrays.h"
#include "env/nn/parameter_layout.h"

namespace veer::nn {

struct NetworkParameters {
  std::string device;
  std::vector<std::pair<std::string, torch::Tensor>> parameters;  ///< in the order of the layout

  /// Throws ConfigError when there is none of this name.
  const torch::Tensor& at(const std::string& name) const;
  NamedArrays to_arrays() const;
};

/// Fresh values, drawn by draw_initial.
NetworkParameters initial_parameters(std::span<const ParameterLayout> layouts, std::uint64_t seed,
                                     const std::string& device);
/// Copies of stored values. Throws FormatError when names or shapes are not those of the layout; `kind` names
/// the network in messages.
NetworkParameters stored_parameters(std::span<const ParameterLayout> layouts, const NamedArrays& arrays,
                                    const std::string& device, const std::string& kind);

}  // namespace veer::nn

// Plain networks of linear layers with ReLU between them. Names and shapes; torch-free. The arithmetic is in
// mlp_net.h. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "env/nn/parameter_layout.h"

namespace veer {

/// "<name>.0" ... of widths[0] -> widths[1] -> ...: weights and biases uniform within 1 / sqrt(inputs), as
/// LibTorch's Linear draws them. Appended to `out`. REQUIRES: at least two widths.
void add_mlp_layout(std::vector<nn::ParameterLayout>& out, const std::string& name,
                    std::span<const std::int64_t> widths);

}  // namespace veer

// The critic of slate agents: two hidden layers with dropout and layer norm, one value. Names and shapes;
// torch-free. The arithmetic is in value_network_net.h.
//
// Source: released code of HAC and HSRL: Linear, ReLU, dropout, LayerNorm (in this order), twice, and Linear.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "env/nn/parameter_layout.h"

namespace veer::slate {

/// "<name>.0", "<name>.1", "<name>.2" (linear layers of inputs -> 256 -> 64 -> 1) and "<name>.norm0", "1":
/// 25,601 values for 32 inputs. Appended to `out`.
void add_value_layout(std::vector<nn::ParameterLayout>& out, const std::string& name, std::int32_t inputs);

}  // namespace veer::slate

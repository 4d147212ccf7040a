#include "agents/networks/mlp.h"

#include "agents/networks/mlp_net.h"
#include "env/nn/dense/dense_network.h"

namespace veer {

void add_mlp_layout(std::vector<nn::ParameterLayout>& out, const std::string& name,
                    std::span<const std::int64_t> widths) {
  nn::add_dense_layout(out, name, widths);
}

torch::Tensor mlp(const nn::NetworkParameters& parameters, const std::string& name, torch::Tensor x,
                  std::int32_t layers) {
  for (std::int32_t i = 0; i < layers; ++i) {
    const std::string layer = name + "." + std::to_string(i);
    x = torch::linear(x, parameters.at(layer + ".weight"), parameters.at(layer + ".bias"));
    if (i + 1 < layers) x = torch::relu(x);
  }
  return x;
}

}  // namespace veer

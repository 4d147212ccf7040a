#include "agents/networks/mlp.h"

#include <cmath>

#include "agents/networks/mlp_net.h"

namespace veer {

void add_mlp_layout(std::vector<nn::ParameterLayout>& out, const std::string& name,
                    std::span<const std::int64_t> widths) {
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    const auto reach = static_cast<float>(1.0 / std::sqrt(static_cast<double>(widths[i])));
    const std::string layer = name + "." + std::to_string(i);
    out.push_back({layer + ".weight", {widths[i + 1], widths[i]}, nn::Initial::uniform, reach});
    out.push_back({layer + ".bias", {widths[i + 1]}, nn::Initial::uniform, reach});
  }
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

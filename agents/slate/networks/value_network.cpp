#include "agents/slate/networks/value_network_net.h"

#include "agents/slate/networks/history_encoder_net.h"

namespace veer::slate {

void add_value_layout(std::vector<nn::ParameterLayout>& out, const std::string& name, std::int32_t inputs) {
  add_linear(out, name + ".0", 256, inputs);
  add_layer_norm(out, name + ".norm0", 256);
  add_linear(out, name + ".1", 64, 256);
  add_layer_norm(out, name + ".norm1", 64);
  add_linear(out, name + ".2", 1, 64);
}

torch::Tensor value_of(const nn::NetworkParameters& parameters, const std::string& name,
                       const torch::Tensor& x, float rate, nn::DropoutMasks& dropout) {
  const auto hidden = [&](const std::string& layer, const std::string& norm, const torch::Tensor& input) {
    return layer_norm(parameters, norm, dropout(torch::relu(linear(parameters, layer, input)), rate));
  };
  const torch::Tensor first = hidden(name + ".0", name + ".norm0", x);
  return linear(parameters, name + ".2", hidden(name + ".1", name + ".norm1", first)).squeeze(-1);
}

}  // namespace veer::slate

#include "env/nn/network_parameters_net.h"

#include <algorithm>
#include <sstream>

#include "env/error.h"

namespace veer::nn {
namespace {

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::ostringstream text;
  text << '[';
  for (std::size_t i = 0; i < shape.size(); ++i) text << (i == 0 ? "" : ", ") << shape[i];
  text << ']';
  return text.str();
}

}  // namespace

const torch::Tensor& NetworkParameters::at(const std::string& name) const {
  for (const auto& [known, tensor] : parameters) {
    if (known == name) return tensor;
  }
  throw ConfigError(Where{{}, 0, name}, Problem{"no such parameter", "one of this network", ""});
}

NamedArrays NetworkParameters::to_arrays() const {
  NamedArrays arrays;
  for (const auto& [name, tensor] : parameters) {
    const torch::Tensor host = tensor.detach().to(torch::kCPU).contiguous();
    arrays.set<float>(name, {host.data_ptr<float>(), static_cast<std::size_t>(host.numel())},
                      host.sizes().vec());
  }
  return arrays;
}

NetworkParameters initial_parameters(std::span<const ParameterLayout> layouts, std::uint64_t seed,
                                     const std::string& device) {
  NetworkParameters net{device, {}};
  std::uint32_t index = 0;
  for (const ParameterLayout& layout : layouts) {
    torch::Tensor values = torch::empty(layout.shape, torch::kFloat32);
    draw_initial(layout, seed, index++, {values.data_ptr<float>(), static_cast<std::size_t>(values.numel())});
    net.parameters.emplace_back(layout.name, values.to(torch::Device(device)));
  }
  return net;
}

NetworkParameters stored_parameters(std::span<const ParameterLayout> layouts, const NamedArrays& arrays,
                                    const std::string& device, const std::string& kind) {
  for (const auto& [name, array] : arrays.all()) {
    const auto known = [&name = name](const ParameterLayout& layout) { return layout.name == name; };
    if (std::none_of(layouts.begin(), layouts.end(), known)) {
      throw FormatError(Where{{}, 0, name}, Problem{"an array of shape " + shape_text(array.shape),
                                                    "no such parameter in a " + kind + " model", ""});
    }
  }
  NetworkParameters net{device, {}};
  for (const ParameterLayout& layout : layouts) {
    const std::span<const float> values = arrays.get<float>(layout.name);
    const std::vector<std::int64_t>& found = arrays.at(layout.name).shape;
    if (found != layout.shape) {
      throw FormatError(Where{{}, 0, layout.name},
                        Problem{"shape " + shape_text(found), shape_text(layout.shape),
                                "the weights belong to a model of other sizes"});
    }
    torch::Tensor copy = torch::empty(layout.shape, torch::kFloat32);
    std::copy(values.begin(), values.end(), copy.data_ptr<float>());
    net.parameters.emplace_back(layout.name, copy.to(torch::Device(device)));
  }
  return net;
}

}  // namespace veer::nn

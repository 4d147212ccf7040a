#include "env/nn/sequence_model.h"

#include <algorithm>
#include <sstream>

#include "env/error.h"
#include "env/nn/sequence_layout.h"
#include "env/nn/sequence_net.h"
#include "env/random.h"

namespace veer::nn {
namespace {

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::ostringstream text;
  text << '[';
  for (std::size_t i = 0; i < shape.size(); ++i) text << (i == 0 ? "" : ", ") << shape[i];
  text << ']';
  return text.str();
}

/// Draws one parameter. Rows are keyed by themselves, so an item's first vector does not depend on how many
/// follow.
void draw(const ParameterLayout& layout, std::uint64_t seed, std::uint32_t index, std::span<float> out) {
  if (layout.initial == Initial::zeros || layout.initial == Initial::ones) {
    std::fill(out.begin(), out.end(), layout.initial == Initial::ones ? 1.0F : 0.0F);
    return;
  }
  const auto width = static_cast<std::size_t>(layout.shape.back());
  for (std::size_t row = 0; row * width < out.size(); ++row) {
    const StepKey key{seed, row, index};
    const auto values = out.subspan(row * width, width);
    if (layout.initial == Initial::normal) {
      fill_normal(key, Stream::initialise, values);
      for (float& value : values) value *= layout.scale;
    } else {
      fill_uniform(key, Stream::initialise, values);
      for (float& value : values) value = (2.0F * value - 1.0F) * layout.scale;
    }
  }
}

std::shared_ptr<SequenceNet> empty_net(const SequenceConfig& config, const std::string& device) {
  auto net = std::make_shared<SequenceNet>();
  net->config = config;
  net->device = device;
  return net;
}

}  // namespace

SequenceModel SequenceModel::initialise(const SequenceConfig& config, std::uint64_t seed,
                                        const std::string& device) {
  check_config(config);
  auto net = empty_net(config, device);
  std::uint32_t index = 0;
  for (const ParameterLayout& layout : parameter_layout(config)) {
    torch::Tensor values = torch::empty(layout.shape, torch::kFloat32);
    draw(layout, seed, index++, {values.data_ptr<float>(), static_cast<std::size_t>(values.numel())});
    if (layout.name == "item_embedding") values[0].zero_();  // padding says nothing
    net->parameters.emplace_back(layout.name, values.to(torch::Device(device)));
  }
  return SequenceModel(std::move(net));
}

SequenceModel SequenceModel::from_arrays(const SequenceConfig& config, const NamedArrays& arrays,
                                         const std::string& device) {
  check_config(config);
  const std::vector<ParameterLayout> layouts = parameter_layout(config);
  for (const auto& [name, array] : arrays.all()) {
    const auto known = [&name = name](const ParameterLayout& layout) { return layout.name == name; };
    if (std::none_of(layouts.begin(), layouts.end(), known)) {
      throw FormatError(Where{{}, 0, name}, Problem{"an array of shape " + shape_text(array.shape),
                                                    "no such parameter in a " + config.kind + " model", ""});
    }
  }
  auto net = empty_net(config, device);
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
    net->parameters.emplace_back(layout.name, copy.to(torch::Device(device)));
  }
  return SequenceModel(std::move(net));
}

SequenceModel::SequenceModel(std::shared_ptr<const SequenceNet> net) : net_(std::move(net)) {}

NamedArrays SequenceModel::to_arrays() const {
  NamedArrays arrays;
  for (const auto& [name, tensor] : net_->parameters) {
    const torch::Tensor host = tensor.detach().to(torch::kCPU).contiguous();
    arrays.set<float>(name, {host.data_ptr<float>(), static_cast<std::size_t>(host.numel())},
                      host.sizes().vec());
  }
  return arrays;
}

const SequenceConfig& SequenceModel::config() const noexcept { return net_->config; }
const std::string& SequenceModel::device() const noexcept { return net_->device; }

}  // namespace veer::nn

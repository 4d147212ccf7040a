#include "env/nn/sequence_model.h"

#include "env/nn/sequence_layout.h"
#include "env/nn/sequence_net.h"

namespace veer::nn {
namespace {

SequenceModel model_of(NetworkParameters parameters, const SequenceConfig& config) {
  return SequenceModel(std::make_shared<const SequenceNet>(SequenceNet{std::move(parameters), config}));
}

}  // namespace

SequenceModel SequenceModel::initialise(const SequenceConfig& config, std::uint64_t seed,
                                        const std::string& device) {
  check_config(config);
  return model_of(initial_parameters(parameter_layout(config), seed, device), config);
}

SequenceModel SequenceModel::from_arrays(const SequenceConfig& config, const NamedArrays& arrays,
                                         const std::string& device) {
  check_config(config);
  return model_of(stored_parameters(parameter_layout(config), arrays, device, config.kind), config);
}

SequenceModel::SequenceModel(std::shared_ptr<const SequenceNet> net) : net_(std::move(net)) {}

NamedArrays SequenceModel::to_arrays() const { return net_->to_arrays(); }

const SequenceConfig& SequenceModel::config() const noexcept { return net_->config; }
const std::string& SequenceModel::device() const noexcept { return net_->device; }

}  // namespace veer::nn

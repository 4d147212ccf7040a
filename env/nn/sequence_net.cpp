#include "env/nn/sequence_net.h"

#include "env/error.h"

namespace veer::nn {

const torch::Tensor& SequenceNet::at(const std::string& name) const {
  for (const auto& [known, tensor] : parameters) {
    if (known == name) return tensor;
  }
  throw ConfigError(Where{{}, 0, name},
                    Problem{"no such parameter", "one of a " + config.kind + " model", ""});
}

}  // namespace veer::nn

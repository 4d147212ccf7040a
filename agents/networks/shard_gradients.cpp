#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>

#include "agents/networks/shard_gradients_net.h"
#include "env/error.h"
#include "env/runtime.h"

namespace veer {

std::vector<torch::Tensor> gradients_of(const torch::Tensor& loss, const nn::NetworkParameters& parameters) {
  torch::autograd::variable_list inputs;
  for (const auto& entry : parameters.parameters) inputs.push_back(entry.second);
  return torch::autograd::grad({loss}, inputs, {}, /*retain_graph=*/false, /*create_graph=*/false,
                               /*allow_unused=*/true);
}

UpdateStats in_shards(std::int32_t batch,
                      const std::function<void(std::int32_t, std::int32_t, ShardGradients&)>& work,
                      const std::vector<TrainedSet>& sets) {
  const std::int32_t shards = (batch + update_shard_rows - 1) / update_shard_rows;
  std::vector<ShardGradients> found(at(shards));
  parallel_for(shards, [&](std::int64_t s) {
    const auto first = static_cast<std::int32_t>(s) * update_shard_rows;
    work(first, std::min(update_shard_rows, batch - first), found[at(s)]);
  });
  for (const TrainedSet& set : sets) {
    if (set.step.rate == 0.0F || !found.front().gradients.contains(set.name)) continue;
    if (set.step.decay > 0.0F) {
      const nn::NetworkParameters values = set.parameters->aliases();
      std::vector<torch::Tensor>& first = found.front().gradients.at(set.name);
      for (std::size_t i = 0; i < first.size(); ++i) {
        const torch::Tensor pull = values.parameters[i].second.detach() * set.step.decay;
        first[i] = first[i].defined() ? first[i] + pull : pull;
      }
    }
    set.parameters->accumulate(at(shards), [&](std::size_t s, nn::FlatParameters::Gradient& gradient) {
      gradient.set(found[s].gradients.at(set.name));
      return 0.0;
    });
    set.parameters->update({.learning_rate = set.step.rate});
  }
  UpdateStats sums;
  for (const ShardGradients& shard : found) {
    for (const auto& [name, value] : shard.figures) sums[name] += value;
  }
  return sums;
}

void require_finite(const UpdateStats& stats, std::int64_t update) {
  for (const auto& [name, value] : stats) {
    if (std::isfinite(value)) continue;
    throw Error(ExitCode::failure, "training: found " + name + " that is no number after update " +
                                       std::to_string(update) +
                                       "; expected a finite one; lower the learning rates");
  }
}

}  // namespace veer

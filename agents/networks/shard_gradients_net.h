// One update of several parameter sets from one pass over a batch: shards of fixed size work side by side,
// each with a graph of its own, and gradients are added in the order of the shards. Needs LibTorch: include
// it from .cpp files only.
//
// One thread calls, inside the arena whose workers shall help. Determinism: weights do not depend on the
// number of threads.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "env/learner.h"
#include "env/nn/training/flat_parameters_net.h"

namespace veer {

inline constexpr std::int32_t update_shard_rows = 32;

using ShardFigures = UpdateStats;

/// What a shard hands back: gradients by the name of the parameter set, and figures that are added up.
struct ShardGradients {
  std::map<std::string, std::vector<torch::Tensor>> gradients;
  ShardFigures figures;

  void set(const std::string& name, std::vector<torch::Tensor> found) { gradients[name] = std::move(found); }
};

/// d loss / d parameters, in their order; undefined where the loss does not depend on one.
std::vector<torch::Tensor> gradients_of(const torch::Tensor& loss, const nn::NetworkParameters& parameters);

struct ParameterStep {
  float rate = 0.0F;   ///< Adam's learning rate; 0: the set stays as it is
  float decay = 0.0F;  ///< added to the gradient as decay * value
};
struct TrainedSet {
  std::string name;
  nn::FlatParameters* parameters = nullptr;
  ParameterStep step;
};

/// Calls work(first row, rows, out) for every shard of the batch, on all threads, then takes one step of Adam
/// on every set with the gradients of its name (sets without any stay as they are). Returns the figures'
/// sums, added in the order of the shards.
UpdateStats in_shards(std::int32_t batch,
                      const std::function<void(std::int32_t, std::int32_t, ShardGradients&)>& work,
                      const std::vector<TrainedSet>& sets);

/// Throws Error naming the first figure that is no number.
void require_finite(const UpdateStats& stats, std::int64_t update);

}  // namespace veer

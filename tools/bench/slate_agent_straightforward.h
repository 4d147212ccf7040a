// The straightforward way of choosing slates with a SASRec: every layer at every position as LibTorch's
// operations do it, all scores written down, topk. Needs LibTorch: include it from .cpp files only.
// Thread-safety: one caller at a time; it spreads its rows over the workers.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "agents/slate/networks/history_encoder.h"
#include "env/nn/network_parameters_net.h"
#include "env/nn/training/dropout_masks_net.h"
#include "env/random.h"
#include "env/types.h"

namespace veer::bench {

class StraightforwardAgent {
 public:
  /// `vectors`: [N+1, features]; they must outlive the agent. The parameters are a baseline's actor.
  StraightforwardAgent(const slate::HistoryEncoderConfig& config, const NamedArrays& actor,
                       View<const float> vectors, std::int32_t slots);

  /// Slates [rows, slots] of these histories. `keys`: empty, or one per row: dropout is on. `scores`: null,
  /// or [rows, N] of item 1, 2 ... for comparison.
  std::vector<ItemId> choose(std::span<const std::span<const ItemId>> histories,
                             std::span<const StepKey> keys, std::vector<float>* scores) const;

 private:
  torch::Tensor encode(const torch::Tensor& vectors, nn::DropoutMasks& dropout) const;
  torch::Tensor run_layer(const std::string& block, const torch::Tensor& x, bool last,
                          nn::DropoutMasks& dropout) const;

  slate::HistoryEncoderConfig config_;
  nn::NetworkParameters net_;
  View<const float> vectors_;
  std::int32_t slots_;
};

}  // namespace veer::bench

// The straightforward way of choosing slates with a SASRec: every layer at every position as LibTorch's
// operations do it, all scores written down, topk. Thread-safety: one caller at a time; it spreads its rows
// over the workers.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "agents/slate/networks/history_encoder.h"
#include "env/named_arrays.h"
#include "env/random.h"
#include "env/types.h"

namespace veer::bench {

class StraightforwardAgent {
 public:
  /// `vectors`: [N+1, features]; they must outlive the agent. The parameters are a baseline's actor.
  StraightforwardAgent(const slate::HistoryEncoderConfig& config, const NamedArrays& actor,
                       View<const float> vectors, std::int32_t slots);
  ~StraightforwardAgent();

  /// Slates [rows, slots] of these histories. `keys`: empty, or one per row: dropout is on. `scores`: null,
  /// or [rows, N] of item 1, 2 ... for comparison.
  std::vector<ItemId> choose(std::span<const std::span<const ItemId>> histories,
                             std::span<const StepKey> keys, std::vector<float>* scores) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace veer::bench

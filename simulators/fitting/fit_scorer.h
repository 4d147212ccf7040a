// A fitted sequence model as a scorer of next items. Torch-free header.
#pragma once

#include "env/nn/sequence_model.h"
#include "simulators/fidelity.h"

namespace veer {

/// Scores are read-out times item vector. Immutable, safe to share; keeps a copy of the model.
class SequenceScorer final : public NextItemScorer {
 public:
  explicit SequenceScorer(nn::SequenceModel model) : model_(std::move(model)) {}

  std::int32_t items() const noexcept override { return model_.config().items; }
  std::int32_t positions() const noexcept override { return model_.config().positions; }
  void score(View<const ItemId> history, std::span<const std::int32_t> history_size,
             View<float> out) const override;

 private:
  nn::SequenceModel model_;
};

}  // namespace veer

// Cuts people's logs into training windows: every epoch differently, every interaction but a person's first a
// target exactly once per epoch. Torch-free; pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/nn/training/sequence_trainer.h"
#include "env/types.h"

namespace veer {

/// The part of one person's log that may be learned from.
struct TrainingLog {
  UserId user = 0;
  std::span<const ItemId> items;
};

/// One epoch's windows in the order of training, and where each batch begins. Windows view the logs they were
/// cut from.
struct EpochPlan {
  std::vector<nn::TrainingWindow> windows;
  std::vector<std::size_t> batch_offsets;  ///< [batches + 1] into windows
  std::int64_t targets = 0;

  std::size_t batches() const noexcept { return batch_offsets.size() - 1; }
  std::span<const nn::TrainingWindow> batch(std::size_t index) const noexcept {
    return std::span(windows).subspan(batch_offsets[index], batch_offsets[index + 1] - batch_offsets[index]);
  }
};

/// A log of more than positions + 1 items is cut at a random phase, so that an item meets contexts of every
/// length over the epochs; a shorter one is a single window. The windows are shuffled, grouped into batches
/// of at least `batch_targets` targets (the last may be smaller), and inside a batch ordered by length,
/// longest first, so that shards waste little padding. A function of logs, seed and epoch.
EpochPlan plan_epoch(std::span<const TrainingLog> logs, std::int32_t positions, std::int64_t batch_targets,
                     std::uint64_t seed, std::uint32_t epoch);

}  // namespace veer

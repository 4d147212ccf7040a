// One optimiser step of a sequence network at a time: the batch is cut into shards, each shard's gradient is
// computed on its own thread, and the gradients are added in shard order. Torch-free header.
//
// Not thread-safe: one thread calls, inside the arena whose workers shall help. Determinism: weights after
// any number of steps are a function of configuration, seed and batches, never of the number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "env/named_arrays.h"
#include "env/nn/sequence_model.h"
#include "env/nn/training/adam.h"

namespace veer::nn {

/// A stretch of one person's log: inputs items[0 .. size-2], targets items[1 .. size-1]. 2 <= size <=
/// positions + 1.
using TrainingWindow = std::span<const std::int32_t>;

/// Windows of one shard are consecutive windows with about this many targets, so work and memory per shard
/// are bounded.
struct TrainerOptions {
  AdamOptions adam;
  std::int64_t shard_targets = 800;
};

class SequenceTrainer {
 public:
  /// Fresh weights as SequenceModel::initialise draws them. The device must be "cpu".
  SequenceTrainer(const SequenceConfig& config, std::uint64_t seed, const TrainerOptions& options = {});
  ~SequenceTrainer();
  SequenceTrainer(SequenceTrainer&&) noexcept;

  /// Mean cross-entropy over all targets of the windows, before the update this call makes. Dropout masks are
  /// keyed by (seed, first_example + index of the window, epoch). Similar lengths should stand together: a
  /// shard is as wide as its longest window. REQUIRES: at least one window.
  double step(std::span<const TrainingWindow> windows, std::uint64_t first_example, std::uint32_t epoch);

  /// A copy of the weights as they are now.
  SequenceModel snapshot() const;
  /// Parameters ("parameters/..."), Adam's moments ("first_moment/...", "second_moment/...") and
  /// "adam_steps".
  NamedArrays state() const;
  /// Throws FormatError when names or shapes do not fit.
  void restore(const NamedArrays& state);

  std::int64_t steps() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veer::nn

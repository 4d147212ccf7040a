// Teaches a path model to write the paths that people walked: one optimiser step on teacher-forced
// log-probabilities at a time. Torch-free header.
//
// Not thread-safe: one thread calls, inside the arena whose workers shall help. Determinism: weights are a
// function of the start, the seed and the batches, never of the number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "agents/generative/path_model.h"
#include "env/data/path_miner.h"
#include "env/named_arrays.h"
#include "env/nn/training/adam.h"

namespace veer {

struct ImitationOptions {
  nn::AdamOptions adam{.learning_rate = 1e-3F, .weight_decay = 0.05F};
  double most_gradient = 1.0;    ///< gradients with a larger norm are scaled down to it
  std::int32_t most_items = 10;  ///< of a path
  std::int32_t shard_examples = 32;
  /// All tokens compete at every place, as in the released code, not only those of legal items.
  bool unconstrained = false;
};

class PathImitation {
 public:
  PathImitation(const PathModel& start, std::uint64_t seed, const ImitationOptions& options);
  ~PathImitation();
  PathImitation(PathImitation&&) noexcept;

  /// Mean over the tokens of the paths of -ln p, the end included, before the update this call makes; not a
  /// number, and no update, where the gradient is none. Dropout
  /// masks are keyed by (seed, first_example + index, epoch).
  double step(std::span<const PathExample> examples, std::uint64_t first_example, std::uint32_t epoch,
              float learning_rate);

  PathModel snapshot() const;
  NamedArrays state() const;
  void restore(const NamedArrays& state);  ///< throws FormatError

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Mean over the tokens of all paths of -ln p, without dropout. On all threads.
double imitation_loss(const PathModel& model, std::span<const PathExample> examples,
                      const ImitationOptions& options);

}  // namespace veer

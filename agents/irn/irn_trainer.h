// One update of IRN at a time, and its loss without one: batches are cut into shards of a fixed number of
// examples, whose gradients are added in order. Torch-free header.
//
// Not thread-safe: one thread calls, inside the arena whose workers shall help.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "agents/irn/irn_examples.h"
#include "agents/irn/irn_model.h"
#include "env/named_arrays.h"

namespace veer::irn {

class IrnTrainer {
 public:
  /// Fresh weights as IrnModel::initialise draws them.
  IrnTrainer(const IrnConfig& config, std::uint64_t seed);
  ~IrnTrainer();

  /// Mean cross-entropy over all items predicted, before the update this call makes. Dropout masks are keyed
  /// by (seed, first_example + index, epoch). REQUIRES: at least one example; each fits the positions.
  double step(std::span<const IrnExample> examples, float learning_rate, std::uint64_t first_example,
              std::uint32_t epoch);
  /// Mean cross-entropy of people who are read as unknown, without dropout.
  double loss(std::span<const IrnExample> examples) const;

  NamedArrays weights() const;
  NamedArrays state() const;
  /// Throws FormatError when names or shapes do not fit.
  void restore(const NamedArrays& state);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Items that the examples predict: all but the first of each.
std::int64_t predicted_items(std::span<const IrnExample> examples) noexcept;

}  // namespace veer::irn

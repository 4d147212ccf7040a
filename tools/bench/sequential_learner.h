// One next-item learner on the compute core that agents use, for the benchmark: cross-entropy alone, or with
// double Q-learning over two networks (SQN). Torch-free header; one thread calls, inside the arena.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "env/named_arrays.h"
#include "env/nn/state_encoders/state_encoder.h"
#include "tools/bench/sequential_sessions.h"

namespace veer::bench {

enum class Objective : std::uint8_t { supervised, sqn };

struct LearnerShape {
  nn::StateEncoderConfig encoder;
  std::int32_t items = 0;
  Objective objective = Objective::supervised;
  std::uint64_t seed = 1;
  float learning_rate = 0.005F;
  float discount = 0.5F;

  /// Which of the two networks step `step` trains.
  std::size_t trained(std::uint32_t step) const noexcept;
};

/// Seconds by phase, summed over steps.
struct PhaseTimes {
  double encode = 0.0;   ///< encoders, forward and backward, next states included
  double heads = 0.0;    ///< everything over the catalogue
  double updates = 0.0;  ///< Adam
};

class SequentialLearner {
 public:
  explicit SequentialLearner(const LearnerShape& shape);
  ~SequentialLearner();

  /// Mean loss of the batch before the update.
  double step(const EventBatch& batch, std::uint32_t number);
  /// Ranks of the actions by the cross-entropy head of the first network.
  void rank(const EventBatch& batch, std::vector<std::int32_t>& ranks);
  /// States of the first network, [rows, output width].
  std::vector<float> states(const EventBatch& batch);

  /// Encoder, "items.weight", "head.weight", "head.bias", for SQN "values.weight" and ".bias", of a network.
  NamedArrays weights(std::size_t network) const;
  PhaseTimes times() const noexcept;
  void forget_times() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veer::bench

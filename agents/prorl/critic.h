// What a policy expects to be worth from here on: a small network on the states of the path model's decoder,
// for the advantage of an actor and a critic (A2C) that ProRL's estimators are compared with. Torch-free
// header.
//
// Source: Hou et al., "ProRL" (arXiv 2605.28293), ablation of the estimators: two layers, 256 hidden. It
// reads the decoder's states and does not change them: actor and critic share no gradient, so that there is
// no coefficient between their losses to tune. Not thread-safe: one thread calls, inside the arena whose
// workers shall help. Determinism: values are a function of the states seen, never of the number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "env/named_arrays.h"

namespace veer::prorl {

struct CriticOptions {
  std::int32_t hidden = 256;
  float learning_rate = 1e-3F;  ///< of Adam
  std::int64_t warm_up = 25;    ///< first updates in which only the critic learns
};

class Critic {
 public:
  /// `width`: of a state. Throws ConfigError for options out of range.
  Critic(std::int32_t width, const CriticOptions& options);
  ~Critic();
  Critic(Critic&&) noexcept;

  /// Expected return of each state; states [n, width], row by row.
  std::vector<float> values(std::span<const float> states) const;
  /// One step on the mean of (value - return)^2; returns that mean before the step. Nothing for no states.
  double learn(std::span<const float> states, std::span<const float> returns);

  NamedArrays state() const;
  void restore(const NamedArrays& state);  ///< throws FormatError

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veer::prorl

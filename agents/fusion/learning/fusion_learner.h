// Fusion agents as learners, from transitions of any source: a log, a replay buffer. Torch-free header.
//
// Not thread-safe: one thread calls, inside the arena whose workers shall help. Determinism: weights are a
// function of seed, options and transitions, for any number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "agents/fusion/fusion_model.h"
#include "env/learner.h"

namespace veer::fusion {

/// Means and deviations of the features of all transitions; deviations are at least 1e-3. REQUIRES:
/// source.size() > 0.
StateScale scale_of_states(const TransitionSource& source);

class FusionLearner : public Learner {
 public:
  /// Throws ConfigError for options out of range and FormatError for a scale of another width.
  FusionLearner(const FusionOptions& options, StateScale scale, std::uint64_t seed);
  ~FusionLearner() override;

  /// Figures, where there are any: "critic_loss", "q" (mean value of the logged actions by the first critic:
  /// above the largest possible return it has diverged), "actor_loss", "generator_loss", "gap" (CQL: what its
  /// term holds down), "entropy". Draws its batch by draw_batch(). Throws ConfigError for transitions of
  /// another width, Error when a loss is no number.
  UpdateStats update(const TransitionSource& source) override;
  std::shared_ptr<const Policy> snapshot() const override;
  void save(NamedArrays& out) const override;
  void load(const NamedArrays& in) override;  ///< throws FormatError

  FusionModel model() const;
  /// [rows] what the first critic says of the policy's best guess in each state, [rows, F] as observed: above
  /// what such sessions return it overestimates. Empty for agents without a critic.
  std::vector<float> policy_values(View<const float> features) const;
  std::int64_t updates() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veer::fusion

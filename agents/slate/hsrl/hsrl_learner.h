// HSRL as a learner: policy gradient with a multi-level critic, behaviour cloning, slow target networks.
// Torch-free header.
//
// Not thread-safe: one thread calls, inside the arena whose workers shall help. Determinism: weights are a
// function of seed, options, catalogue and transitions, for any number of threads; batches are drawn from the
// source by Philox, dropout masks too.
//
// One update: a batch of transitions; target y = r + gamma mask sum_j w_j v_j(next contexts) by the target
// networks; value sum_j w_j v_j(contexts) moves towards y (the contexts are constants: the critic does not
// train the encoder); the policy moves along (y - value) times the slope of the slate's log-probability, and
// along the entropy of its tokens; then behaviour cloning by an optimiser of its own; then the targets.
// The critic reads the contexts of the expected tokens for both kinds of residual.
#pragma once

#include <cstdint>
#include <memory>

#include "agents/slate/hsrl/hsrl_model.h"
#include "env/learner.h"

namespace veer::slate {

class HsrlLearner : public Learner {
 public:
  /// Slates of `slots` items. Throws ConfigError as HsrlModel does.
  HsrlLearner(const HsrlOptions& options, std::shared_ptr<const SemanticCatalogue> catalogue,
              std::int32_t slots, std::uint64_t seed);
  ~HsrlLearner() override;

  /// Figures: "critic_loss", "value" (mean), "advantage" (mean size), "entropy" (mean over levels, nats),
  /// "importance" (mean weight of a slate) and, where there is any, "cloning_loss". Throws Error when a loss
  /// is no number.
  UpdateStats update(const TransitionSource& source) override;
  std::shared_ptr<const Policy> snapshot() const override;
  void save(NamedArrays& out) const override;
  void load(const NamedArrays& in) override;  ///< throws FormatError

  HsrlModel model() const;
  std::int64_t updates() const noexcept;
  /// Weights of the critic's levels, [levels + 1]; {1} for a critic of the state alone.
  std::vector<float> level_weights() const;
  /// The catalogue changed: from now on slates come from this one. Throws as HsrlModel::on().
  void change_catalogue(std::shared_ptr<const SemanticCatalogue> catalogue);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veer::slate

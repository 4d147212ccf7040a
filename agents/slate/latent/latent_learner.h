// The baselines as learners. Torch-free header.
//
// Not thread-safe: one thread calls, inside the arena whose workers shall help. Determinism: weights are a
// function of seed, options, item vectors and transitions, for any number of threads.
#pragma once

#include <cstdint>
#include <memory>

#include "agents/slate/latent/latent_model.h"
#include "env/learner.h"

namespace veer::slate {

class LatentLearner : public Learner {
 public:
  /// Slates of `slots` items. Throws ConfigError as LatentModel and make_latent_policy() do.
  LatentLearner(const LatentOptions& options, std::shared_ptr<const ItemVectors> vectors, std::int32_t slots,
                std::uint64_t seed);
  ~LatentLearner() override;

  /// Figures, where there are any: "critic_loss", "value" (mean target), "actor_loss", "click_loss". Throws
  /// Error when a loss is no number.
  UpdateStats update(const TransitionSource& source) override;
  std::shared_ptr<const Policy> snapshot() const override;
  void save(NamedArrays& out) const override;
  void load(const NamedArrays& in) override;  ///< throws FormatError

  LatentModel model() const;
  std::int64_t updates() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veer::slate

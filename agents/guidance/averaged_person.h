// A person's vector that moves by a rule instead of being read anew: towards every item that is taken.
// Sources: IPG (arXiv 2403.07571), the look-ahead of its guiding value, with one inertia for all; ITMPRec
// (WWW 2025) with an inertia per person, from her arousal.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "agents/baselines/item_space.h"
#include "agents/guidance/person_vectors.h"
#include "agents/guidance/target_affinity.h"

namespace veer {

struct AveragedPersonOptions {
  float inertia = 0.8F;  ///< gamma, 0..1: what of the old vector stays
  /// More than 0: the inertia is the person's own, 1 - max(least_arousal, the mean cosine of the target and
  /// the `favourites` items at the smallest angles to the person, those of the history left out). Where
  /// there is no target, `inertia` holds.
  std::int32_t favourites = 0;
  float least_arousal = 0.2F;
};

/// Starts at the inner vector of the start of the episode; whenever an item e is accepted, u becomes gamma u
/// + (1 - gamma) e. Thread-safe: immutable.
class AveragedPerson final : public PersonVectors {
 public:
  /// `table` [N+1, d] of the same model, copied. Throws ConfigError when an option is out of range or the
  /// widths differ, DataError for vectors that are not finite.
  AveragedPerson(std::shared_ptr<const PersonVectors> inner, View<const float> table,
                 const AveragedPersonOptions& options);

  std::int32_t width() const noexcept override { return inner_->width(); }
  std::int32_t state_width() const noexcept override { return inner_->state_width() + 1; }
  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape& shape) const override {
    return inner_->make_workspace(shape);
  }
  std::size_t cache_bytes(const WorkspaceShape& shape) const noexcept override {
    return inner_->cache_bytes(shape);
  }
  void begin(Rows, const Observation&, View<float> state, Workspace&) const override;
  void follow(Rows, const Observation&, View<float> state, Workspace&) const override;

  /// gamma of a row whose vector is `person`.
  float inertia(std::int32_t row, const Observation& seen, std::span<const float> person) const;

 private:
  std::shared_ptr<const PersonVectors> inner_;
  ItemSpace directions_;  ///< items at length 1
  ItemSpace space_;
  TargetAffinity cosine_;
  AveragedPersonOptions options_;
};

}  // namespace veer

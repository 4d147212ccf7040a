// A manager that sets goals for the long term and a worker that chooses items for now, or one flat agent.
//
// Every `span` steps the manager names a goal g, a wanted change of the interest of the moment x; in between
// it moves with the person, g' = x + g - x'. The worker answers (observation, goal) with a direction, and the
// world shows the item nearest to it: v'(W[s; g]) with a network for W. The worker earns what is taken plus
// closeness * (-|x + g - x'|), the manager all rewards of its span. Both are TD3 agents.
//
// Old goals no longer fit what the worker has become: before the manager learns from a span, its goal is
// replaced by that one of ten candidates (the old one, the change that came about, eight normal draws around
// it) under which the worker would most likely have acted as it did. Source: HIRO (Nachum, Gu, Lee, Levine,
// NeurIPS 2018).
//
// Without a manager one TD3 agent maps observations to directions and learns from returns over `span` steps.
//
// Observations: x [D], the long-term interest [D], the share of the horizon that is over (interests-v1).
// Rewards: the first term is what is taken. Not thread-safe but for snapshots, which are immutable.
// Deterministic: draws are keyed by the seed and by counters.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "agents/hierarchy/td3.h"
#include "env/learner.h"

namespace veer::hierarchy {

struct HierarchyOptions {
  std::int32_t dimensions = 3;  ///< D, >= 2
  bool has_manager = true;
  std::int32_t span = 5;  ///< c of the manager, n of the flat agent's returns; >= 1
  std::int32_t hidden = 32;
  std::int32_t batch = 64;
  float discount = 0.99F;
  float rate = 1e-3F;
  float closeness = 1.0F;    ///< eta
  float take = 0.1F;         ///< what the worker earns for what is taken
  float exploration = 0.2F;  ///< deviation of the noise on directions and goals
  std::int32_t updates =
      480;  ///< of the worker or flat agent per call of update(); the manager's: a `span`th
  std::int64_t warm_up = 4'000;     ///< steps by lot before the first update
  std::int32_t remembered = 2'000;  ///< episodes
};

class HierarchyLearner final : public Learner {
 public:
  /// Throws ConfigError for options out of range.
  HierarchyLearner(const HierarchyOptions& options, std::uint64_t seed);

  /// Remembers the whole episodes of `source` (its transitions from the first step to an end, other ones are
  /// ignored) and learns. "critic_loss", and with a manager "manager_loss" and "relabelled", the share of
  /// goals that were replaced. Throws ConfigError for transitions of other widths.
  UpdateStats update(const TransitionSource& source) override;
  std::shared_ptr<const Policy> snapshot() const override;
  void save(NamedArrays&) const override;
  void load(const NamedArrays&) override;

  std::size_t parameters() const noexcept;
  const HierarchyOptions& options() const noexcept { return options_; }

  struct Episode {
    std::int32_t steps = 0;
    bool terminated = false;
    std::vector<float> seen;             ///< [steps + 1, F]
    std::vector<float> direction, goal;  ///< [steps, D]
    std::vector<float> reward, taken;    ///< [steps]
  };
  /// The goal, of those above, that best explains what the worker did from `first` on; `draw` keys the draws.
  std::vector<float> relabelled_goal(const Episode& episode, std::int32_t first, const StepKey& draw) const;

 private:
  void remember(const TransitionSource& source);
  Td3Batch worker_batch(const StepKey& key) const;
  Td3Batch span_batch(const StepKey& key, double& replaced) const;

  HierarchyOptions options_;
  std::uint64_t seed_;
  std::optional<Td3> manager_;
  Td3 worker_;  ///< or the flat agent
  std::vector<Episode> episodes_;
  std::int64_t next_ = 0, steps_ = 0, updates_ = 0;
};

/// The goal after a step: x + g - x'.
void move_goal(std::span<const float> before, std::span<const float> after, std::span<float> goal) noexcept;

/// The width of hidden layers that gives a flat agent the number of parameters nearest to that of `options`.
std::int32_t flat_width_like(const HierarchyOptions& options);

}  // namespace veer::hierarchy

// Baselines of worlds that show slates: any items, the most popular ones, and the best ones under a user
// model.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "env/policy.h"
#include "env/user_model.h"

namespace veer {

/// K distinct items in any order, all such slates equally likely. log_prob is that of the slate. Uniforms
/// come from Stream::policy; Mode::greedy draws like Mode::sample. Thread-safe: immutable.
class RandomSlates : public Policy {
 public:
  /// Throws ConfigError unless 1 <= slots <= items.
  RandomSlates(std::string name, std::int32_t items, std::int32_t slots);

  const PolicySpec& spec() const noexcept override { return spec_; }
  void act(Rows, const Observation&, PolicyState&, Actions&, Mode) const override;

 private:
  std::int32_t items_;
  PolicySpec spec_;
};

/// The K most popular items that do not stand in the history, the lower id between equals; from the history,
/// oldest rank first, only when nothing else is left. Deterministic; log_prob 0. Thread-safe: immutable.
class PopularSlates : public Policy {
 public:
  /// `counts` [N + 1], index 0 unused. Throws ConfigError unless 1 <= slots <= N.
  PopularSlates(std::string name, std::span<const std::int64_t> counts, std::int32_t slots);

  const PolicySpec& spec() const noexcept override { return spec_; }
  void act(Rows, const Observation&, PolicyState&, Actions&, Mode) const override;

 private:
  PolicySpec spec_;
  std::vector<ItemId> order_;  ///< most popular first
};

struct GreedySlatesOptions {
  std::string name = "greedy_slate";
  /// What a slate with c clicks is worth, c = 0..K. Empty: the K most acceptable items are shown.
  std::vector<float> worth;
};

/// A planner: it reads a user model, which need not be the world's; with the world's own it is an oracle of
/// one step. Shows the K items that the model proposes first. With `worth`, the slate of highest expected
/// worth among those of the j first and the K - j last of all items, j = 0..K, clicks taken as independent
/// with the probabilities that the model gives the K first and the K last shown together: worlds that reward
/// a miss are played well this way, and ordinary ones get their K first. Between equals the larger j.
/// Deterministic; log_prob 0. Thread-safe: immutable. `model` must outlive the policy.
class GreedySlates : public Policy {
 public:
  /// `world` is the world's, for its sizes. Throws ConfigError when model, world and worth do not fit.
  GreedySlates(const UserModel& model, const EnvSpec& world, GreedySlatesOptions options);

  const PolicySpec& spec() const noexcept override { return spec_; }
  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape&) const override;
  void act(Rows, const Observation&, PolicyState&, Actions&, Mode) const override;

 private:
  std::int32_t best_split(std::span<const float> first, std::span<const float> last) const;

  const UserModel& model_;
  GreedySlatesOptions options_;
  EnvSpec world_;
  PolicySpec spec_;
};

}  // namespace veer

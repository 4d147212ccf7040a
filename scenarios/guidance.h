// guidance-v1: lead a person from what they like today to a target item, one item per step.
//
// An episode starts with a window of a real log of somebody whom no model was fitted on. What happens then is
// up to the policy and the user model. Thread-safety: immutable, shared by all workers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/data/dataset.h"
#include "env/scenario.h"
#include "scenarios/population.h"
#include "scenarios/targets.h"

namespace veer {

/// Where the target of an episode comes from.
enum class TargetSource : std::uint8_t {
  natural,  ///< the item that really came `natural_nearest` .. `natural_farthest` places after the window
  uniform_unseen,  ///< any item that the person never took, before or after, each with the same probability
  choices,         ///< GuidanceParameters::choices
};

/// Where the window of history ends.
enum class HistoryCut : std::uint8_t {
  random,  ///< any place that leaves a whole window before it and, for natural targets, a target behind it
  last,    ///< as late as the same rules allow
};

/// What refusals cost. The column `patience` starts at `patience`; the person leaves when it is used up.
enum class PatienceRule : std::uint8_t {
  total,     ///< the patience-th refusal of the episode is the last
  in_a_row,  ///< the same, but an accepted item restores all of it
};

/// Weights of the reward terms (rewards/guidance.h). A term of weight 0 is not computed.
struct GuidanceWeights {
  float ioi = 1.0F;
  float ior = 0.0F;
  float ctr = 0.0F;
  float coherence = 0.0F;
  float target = 0.0F;
  float acceptance = 0.0F;
  float abandonment = 0.0F;
};

/// Beyond these, columns of a batch and steps of an episode no longer fit the memory of ordinary machines.
inline constexpr std::int32_t longest_history = 10'000;
inline constexpr std::int32_t longest_horizon = 10'000;

struct GuidanceParameters {
  std::shared_ptr<const Dataset> data;     ///< not null
  std::shared_ptr<const UserModel> users;  ///< not null; built for the same catalogue
  std::int32_t history = 10;               ///< items at the start, 1..longest_history
  std::int32_t history_capacity = 0;       ///< 0: history + horizon, so that nothing slides out
  std::int32_t horizon = 10;               ///< 1..longest_horizon
  std::optional<Part> part = Part::test;   ///< whose logs episodes start from; empty: everybody's
  /// Whom episodes start from, instead of everybody of `part`, each with the same probability. New people
  /// have no natural targets; choices with users name their own people.
  std::optional<PopulationRecipe> population{};
  HistoryCut cut = HistoryCut::random;
  TargetSource target = TargetSource::natural;
  std::int32_t natural_nearest = 2;    ///< >= 1; 1 is the very next item
  std::int32_t natural_farthest = 10;  ///< >= natural_nearest
  /// Choices without a user: one of them, at random, for each person. With users: episode e plays choice e
  /// modulo their number, so that as many episodes as pairs play each pair once. A chosen target may be among
  /// the items that the episode starts with; natural and unseen targets never are.
  std::vector<TargetChoice> choices;
  std::filesystem::path choices_file;  ///< they were read from, for messages; may be empty
  Acceptance acceptance = Acceptance::always;
  std::int32_t patience = 3;  ///< >= 1; only read when acceptance is sampled
  PatienceRule patience_rule = PatienceRule::total;
  /// Whether accepting the target ends the episode. Empty: yes when acceptance is sampled, no when it is
  /// always, since the published protocol of guidance ("always") has no such rule.
  std::optional<bool> end_at_target;
  GuidanceWeights weights;
  /// Run-time knobs and their values, constant through the episode; `users` must have been built to read
  /// them.
  std::vector<std::pair<std::string, float>> modifiers;
};

class GuidanceScenario final : public Scenario {
 public:
  /// Throws ConfigError when parameters are out of range or do not fit together, DataError when nobody in
  /// `part` has a log long enough or when a choice cannot be played.
  explicit GuidanceScenario(GuidanceParameters parameters);

  const EnvSpec& spec() const noexcept override { return spec_; }
  const UserModel& users() const noexcept override { return *parameters_.users; }
  std::span<const RewardTerm> rewards() const noexcept override { return rewards_; }
  void begin_episode(std::int32_t row, Shard&) const override;
  void settle(Rows, Shard&) const override;
  EndReason end_of(std::int32_t row, const Shard&) const override;

  const GuidanceParameters& parameters() const noexcept { return parameters_; }
  /// Pairs of person and target that episodes play in turn; 0 when people or targets are drawn.
  std::int64_t pairs() const noexcept;
  /// People that episodes start from, ascending.
  std::span<const UserId> people() const noexcept { return people_; }
  /// Null without one. An episode's cohort is that of draw({seed, episode, 0}).
  const Population* population() const noexcept { return population_.get(); }

 private:
  /// Where a window ends (the number of log items up to and including it), and which target follows.
  struct Start {
    std::int64_t cut = 0;
    ItemId target = no_item;
  };
  Member draw_member(const StepKey& key) const;
  Start draw_start(UserId user, const StepKey& key) const;
  Start draw_natural(UserId user, const StepKey& key) const;
  ItemId draw_choice(const StepKey& key) const;
  ItemId draw_unseen(std::span<const ItemId> seen, const StepKey& key) const;
  ItemId make_up(const Member& member, const StepKey& key, std::span<ItemId> history) const;
  ItemId natural_target(std::span<const ItemId> log, std::int64_t cut, std::uint32_t preferred) const;
  std::int64_t last_natural_cut(std::span<const ItemId> log) const;
  std::span<const ItemId> seen_by(UserId user) const;
  bool can_start(UserId user) const;
  bool can_play(UserId user) const;
  void check_parameters() const;
  void collect_people();
  void check_choices();

  GuidanceParameters parameters_;
  EnvSpec spec_;
  std::vector<RewardTerm> rewards_;
  bool end_at_target_ = false;
  std::unique_ptr<const Population> population_;
  std::vector<UserId> people_;
  std::vector<std::int64_t>
      seen_offsets_;  ///< [people + 1]; distinct items of each person, ascending (uniform_unseen)
  std::vector<ItemId> seen_;
};

}  // namespace veer

// session-v1: people browse, one item per step. They take what they like, buy some of it, and leave when too
// much of what they saw was of no use to them. No target: what counts is what they do.
//
// An episode starts with a window of a real log of somebody whom no model was fitted on. The user model says
// whether an item is taken, the purchase model whether what is taken is bought; the person leaves after
// `patience` refusals. Thread-safety: immutable, shared by all workers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "env/data/dataset.h"
#include "env/scenario.h"
#include "rewards/fitted/reward_model.h"
#include "scenarios/guidance.h"
#include "scenarios/population.h"
#include "simulators/purchases/purchase_model.h"

namespace veer {

/// What the answers of people are worth; a term of weight 0 is not computed. Source of the defaults: Xin et
/// al., SIGIR 2020.
struct SessionWeights {
  float click = 0.2F;
  float purchase = 1.0F;
  float skip = 0.0F;          ///< what a refusal costs
  float leave = 0.0F;         ///< what it costs when the person leaves
  float satisfaction = 1.0F;  ///< of SessionParameters::satisfaction, where there is one
};

struct SessionParameters {
  std::shared_ptr<const Dataset> data;              ///< not null
  std::shared_ptr<const UserModel> users;           ///< not null; built for the same catalogue
  std::shared_ptr<const PurchaseModel> purchases;   ///< null: nobody buys
  std::shared_ptr<const RewardModel> satisfaction;  ///< null: no reward learned from logs
  std::int32_t history = 10;              ///< newest items known at the start, at most; 1..longest_history
  std::int32_t horizon = 20;              ///< 1..longest_horizon
  std::optional<Part> part = Part::test;  ///< whose logs episodes start from; empty: everybody's
  std::optional<PopulationRecipe> population{};  ///< instead of everybody of `part`, as in guidance-v1
  HistoryCut cut = HistoryCut::random;           ///< random: any place behind the first item
  std::int32_t patience = 3;                     ///< refusals before the person leaves, >= 1
  PatienceRule patience_rule = PatienceRule::total;
  SessionWeights weights;
  std::vector<std::pair<std::string, float>> modifiers;  ///< run-time knobs, constant through the episode
};

class SessionScenario final : public Scenario {
 public:
  /// Throws ConfigError when parameters are out of range or do not fit together, DataError when nobody in
  /// `part` has a log.
  explicit SessionScenario(SessionParameters parameters);

  const EnvSpec& spec() const noexcept override { return spec_; }
  const UserModel& users() const noexcept override { return *parameters_.users; }
  std::span<const RewardTerm> rewards() const noexcept override { return rewards_; }
  void begin_episode(std::int32_t row, Shard&) const override;
  /// Draws purchases (Stream::purchase) and uses up patience.
  void settle(Rows, Shard&) const override;
  EndReason end_of(std::int32_t row, const Shard&) const override;

  const SessionParameters& parameters() const noexcept { return parameters_; }
  /// People that episodes start from, ascending.
  std::span<const UserId> people() const noexcept { return people_; }
  /// Null without one. An episode's cohort is that of draw({seed, episode, 0}).
  const Population* population() const noexcept { return population_.get(); }

 private:
  void check_parameters() const;
  void collect_people();

  SessionParameters parameters_;
  EnvSpec spec_;
  std::vector<RewardTerm> rewards_;
  std::unique_ptr<const Population> population_;
  std::vector<UserId> people_;
};

}  // namespace veer

// ads-v1: a feed whose pages mix recommended items and ads, and people who leave sooner the more ads they
// see.
//
// A request brings `candidates` items and as many ads as a page has slots, drawn by lot; ads stand in the
// order of predicted revenue, chance of a click times bid. The action is a row of reals: one per slot, above
// 0 where the next ad goes; then one score per candidate, by which items fill the other slots, highest first
// (ties: the earlier candidate). So a policy is two agents on one page: one that orders items, one that
// chooses among 2^slots masks.
//
// Rewards: `revenue`, the bids of the ads clicked, and `experience`, the substance of the items clicked, with
// the weights of AdsParameters. People go when their patience is used up (simulators/ads).
//
// What a policy observes (EnvSpec::features): patience as a share of that at the start, running means (0.8
// old + 0.2 new) of ads and of item clicks per slot, share of the horizon that is over; then for every item
// its chance of a click and its substance, and for every ad its chance of a click and its bid. Predictions
// are exact: what is hard here is what a page does later.
//
// Source: the setting of Cross-DQN (Liao et al., WWW 2022) and RAM (Zhao et al., KDD 2020); the world and its
// numbers are ours. Thread-safety: immutable, shared by all workers.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "env/scenario.h"
#include "simulators/ads/ads_world.h"

namespace veer {

struct AdsParameters {
  std::shared_ptr<const AdsWorld> world;  ///< not null; at least `slots` ads and `candidates` items
  std::int32_t candidates = 8;            ///< slots..items of the world
  std::int32_t slots = 5;                 ///< 1..8
  std::int32_t horizon = 20;              ///< pages, >= 1
  float patience = 5.0F;                  ///< at the start, > 0
  float revenue = 1.0F, experience = 1.0F;
};

/// Values of a policy's observation before those of the candidates.
inline constexpr std::int32_t ads_state_width = 4;

class AdsScenario final : public Scenario {
 public:
  /// Throws ConfigError when parameters are out of range or do not fit together.
  explicit AdsScenario(AdsParameters parameters);

  const EnvSpec& spec() const noexcept override { return spec_; }
  const UserModel& users() const noexcept override { return *users_; }
  std::span<const RewardTerm> rewards() const noexcept override { return rewards_; }
  void begin_episode(std::int32_t row, Shard&) const override;
  /// Makes the page. Refuses reals that are not finite: ConfigError names row and place.
  void present(Rows, Shard&) const override;
  void settle(Rows, Shard&) const override;
  EndReason end_of(std::int32_t row, const Shard&) const override;

  const AdsParameters& parameters() const noexcept { return parameters_; }
  /// The request with this key for this person: candidate items, then ads by predicted revenue.
  void request(const StepKey& key, UserId user, std::vector<ItemId>& out) const;

 private:
  void show_request(std::int32_t row, Shard&, const StepKey& key) const;

  AdsParameters parameters_;
  std::unique_ptr<const UserModel> users_;
  EnvSpec spec_;
  std::vector<RewardTerm> rewards_;
};

}  // namespace veer

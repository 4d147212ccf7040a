// slate-v1: show somebody one slate after another until their patience is over.
//
// An episode begins at a start drawn from the people: a profile, and the items they liked before. Clicked
// items join the history in the order of their slots; the rest leaves no trace. A slate has to hold `slots`
// distinct items of the catalogue. Sources: see rewards/slate.h.
//
// Thread-safety: immutable, shared by all workers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/scenario.h"
#include "rewards/slate.h"
#include "simulators/response/slate_people.h"

namespace veer {

struct SlateParameters {
  std::shared_ptr<const SlatePeople> people;  ///< not null, with at least one start of the part
  std::shared_ptr<const UserModel> users;     ///< not null
  std::int32_t slots = 9;                     ///< 1..catalogue size
  std::int32_t history = 50;                  ///< items a history keeps
  float patience = 20.0F;                     ///< at the start, at least 1
  SlateReward reward;
  PatienceCost patience_cost = PatienceCost::shortfall;
  /// Steps after which an episode is cut. 0: as many as the patience can last, so that nobody is cut.
  std::int32_t horizon = 0;
  /// Whether policies see the profile, as Observation::features. The published agents do not.
  bool shows_profile = false;
  std::optional<Part> part;  ///< whose starts; empty: everybody's
};

class SlateScenario final : public Scenario {
 public:
  /// Throws ConfigError when parameters are out of range or do not fit together.
  explicit SlateScenario(SlateParameters parameters);

  const EnvSpec& spec() const noexcept override { return spec_; }
  const UserModel& users() const noexcept override { return *parameters_.users; }
  std::span<const RewardTerm> rewards() const noexcept override { return rewards_; }
  void begin_episode(std::int32_t row, Shard&) const override;
  /// Refuses what is no slate: ConfigError names row, slot and item.
  void present(Rows, Shard&) const override;
  void settle(Rows, Shard&) const override;
  EndReason end_of(std::int32_t row, const Shard&) const override;

  const SlateParameters& parameters() const noexcept { return parameters_; }

 private:
  SlateParameters parameters_;
  EnvSpec spec_;
  std::vector<RewardTerm> rewards_;
  std::vector<std::int32_t> starts_;  ///< of the part; empty: all of them
};

}  // namespace veer

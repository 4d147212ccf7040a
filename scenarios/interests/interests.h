// interests-v1: the interest of the moment can be fed, or led to where the long-term interest pays, later.
//
// The action is a direction of D reals; the item nearest to it is shown. Taking it earns `take`, a purchase
// `purchase`, `delay` steps after the person made up their mind (simulators/interests). Nobody leaves; what
// is not bought at the horizon never is.
//
// What a policy observes (EnvSpec::features): the interest of the moment [D], the long-term interest [D], the
// share of the horizon that is over. What is going to be bought is not observed: purchases must be traced
// back to what led to them. Thread-safety: immutable, shared by all workers.
#pragma once

#include <memory>
#include <vector>

#include "env/scenario.h"
#include "simulators/interests/interest_world.h"

namespace veer {

struct InterestScenarioParameters {
  std::shared_ptr<const InterestWorld> world;  ///< not null
  std::int32_t horizon = 60;                   ///< >= 1
  float take = 0.1F, purchase = 1.0F;
};

class InterestScenario final : public Scenario {
 public:
  /// Throws ConfigError when parameters are out of range.
  explicit InterestScenario(InterestScenarioParameters parameters);

  const EnvSpec& spec() const noexcept override { return spec_; }
  const UserModel& users() const noexcept override { return *users_; }
  /// "taken" and "purchases".
  std::span<const RewardTerm> rewards() const noexcept override { return rewards_; }
  void begin_episode(std::int32_t row, Shard&) const override;
  /// Finds the item. Refuses directions that are not finite: ConfigError names episode and step.
  void present(Rows, Shard&) const override;
  /// Purchases that are due (Stream::purchase), then the interest moves, then minds are made up.
  void settle(Rows, Shard&) const override;
  EndReason end_of(std::int32_t, const Shard&) const override { return EndReason::running; }

  const InterestScenarioParameters& parameters() const noexcept { return parameters_; }

 private:
  InterestScenarioParameters parameters_;
  std::unique_ptr<const UserModel> users_;
  EnvSpec spec_;
  std::vector<RewardTerm> rewards_;
};

}  // namespace veer

// A world under stress: another scenario, with its rules and rewards, whose people are perturbed. Without
// perturbations it plays the episodes of the other, byte by byte. What a perturbation does to policies
// instead of people is done to them (delayed_policy.h, attribute_lies.h). Thread-safety: immutable, shared by
// all workers.
#pragma once

#include <memory>
#include <vector>

#include "env/data/dataset.h"
#include "env/scenario.h"
#include "scenarios/stress/perturbed_users.h"
#include "scenarios/stress/suite.h"

namespace veer::stress {

class PerturbedScenario final : public Scenario {
 public:
  /// `others` answers in other_people, and may be null where there is none. Throws ConfigError naming the
  /// line where the scenario does not let people decide (Acceptance::always), where a perturbation is none
  /// of this world (position_bias where people see one item, other_people and, without attributes, boredom
  /// where they see slates), where `others` is missing or of another catalogue, and what CohortMix throws.
  PerturbedScenario(std::shared_ptr<const Scenario> base, std::vector<Perturbation> perturbations,
                    std::shared_ptr<const Dataset> data, std::shared_ptr<const UserModel> others = nullptr);

  const EnvSpec& spec() const noexcept override { return base_->spec(); }
  const UserModel& users() const noexcept override { return users_; }
  std::span<const RewardTerm> rewards() const noexcept override { return base_->rewards(); }
  void begin_episode(std::int32_t row, Shard&) const override;
  void present(Rows rows, Shard& shard) const override { base_->present(rows, shard); }
  void settle(Rows, Shard&) const override;
  EndReason end_of(std::int32_t row, const Shard& shard) const override { return base_->end_of(row, shard); }

 private:
  void lie_about(std::int32_t row, Shard&, std::size_t place) const;

  std::shared_ptr<const Scenario> base_;  ///< with the people of cohort_mix
  std::shared_ptr<const UserModel> others_;
  std::vector<Perturbation> perturbations_;
  PerturbedUsers users_;
};

}  // namespace veer::stress

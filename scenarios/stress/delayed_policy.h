// A policy that hears of answers late: another policy, to which the history and the newest answer are told as
// they were some steps ago. People, rewards and what runs record are those of the day; only the Observation
// that the policy acts on is old.
//
// With a delay of a from step onset on, the policy is told at step k >= onset the answer to step k - 1 - a,
// or nothing where that was told before the onset: `last_items` and `last_feedback` are the items of that
// step with the answers to them, no_item and refused where there is nothing to tell, and the history holds
// what was taken up to then. What it showed itself in the meantime a policy knows only as far as it keeps it
// in its state. Person, step, target and features are told as they are.
//
// Thread-safety: immutable. Ownership: shares the policy.
#pragma once

#include <memory>
#include <vector>

#include "env/policy.h"
#include "env/spec.h"
#include "scenarios/stress/suite.h"

namespace veer::stress {

class DelayedPolicy final : public Policy {
 public:
  /// `delay`: of kind delayed_feedback, `place` in its test; it happens to the episodes of is_affected().
  /// `world`: for the widths of its columns.
  DelayedPolicy(std::shared_ptr<const Policy> policy, const Perturbation& delay, std::size_t place,
                const EnvSpec& world);

  const PolicySpec& spec() const noexcept override { return spec_; }
  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape&) const override;
  std::size_t cache_bytes(const WorkspaceShape& shape) const noexcept override {
    return policy_->cache_bytes(shape);
  }
  std::size_t working_bytes(const WorkspaceShape& shape) const noexcept override {
    return policy_->working_bytes(shape);
  }
  void begin(Rows, const Observation&, PolicyState&) const override;
  void act(Rows, const Observation&, PolicyState&, Actions&, Mode) const override;

 private:
  struct Scratch;
  struct Memory;
  Memory memory_of(const PolicyState& state, std::int32_t row) const;
  Scratch& claim(const Observation& seen, const PolicyState& state) const;
  PolicyState inner_state(const PolicyState& state, Scratch& scratch) const;
  void hear(std::int32_t row, const Observation& seen, const PolicyState& state) const;
  Observation told(const Observation& seen, const PolicyState& state, Scratch& scratch) const;
  void act_by_plan(Rows, const Observation& told, PolicyState& inner, const PolicyState& own, Actions&,
                   Mode) const;

  std::shared_ptr<const Policy> policy_;
  Perturbation delay_;
  std::size_t place_;
  std::int32_t steps_;  ///< a
  std::int32_t capacity_, slots_;
  std::int32_t inner_width_ = 0;
  PolicySpec spec_;
};

/// Those of the test's perturbations that policies are told late; `policy` itself where there are none.
std::shared_ptr<const Policy> with_delays(std::shared_ptr<const Policy> policy,
                                          const std::vector<Perturbation>& perturbations,
                                          const EnvSpec& world);

}  // namespace veer::stress

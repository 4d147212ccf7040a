// Random weights and another policy's with noise, by lot: logs that explore and exploit, and whose density is
// known. Thread-safety: immutable.
#pragma once

#include <memory>
#include <string>

#include "env/policy.h"

namespace veer {

/// Every step by lot: with probability `share` uniform weights, otherwise the other policy's with noise as
/// NoisyWeights has it. log_prob is the log density of the mixture, whichever of the two acted. In
/// Mode::greedy the other policy's best guess. Draws come from Stream::explore.
///
/// Source: the exploration of BatchRL-MTF (KDD 2022, section 4.1), with bounds.
class MixedWeights final : public Policy {
 public:
  /// REQUIRES: `base` is not null. Throws ConfigError unless it is a vector policy, deviation is a number
  /// above 0 and 0 <= share <= 1.
  MixedWeights(std::string name, std::shared_ptr<const Policy> base, float deviation, double share);

  const Policy& base() const noexcept { return *base_; }
  double deviation() const noexcept { return deviation_; }
  double share() const noexcept { return share_; }
  const PolicySpec& spec() const noexcept override { return spec_; }
  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape& shape) const override {
    return base_->make_workspace(shape);
  }
  void begin(Rows rows, const Observation& seen, PolicyState& state) const override {
    base_->begin(rows, seen, state);
  }
  void act(Rows, const Observation&, PolicyState&, Actions&, Mode) const override;

 private:
  std::shared_ptr<const Policy> base_;
  double deviation_, share_;
  PolicySpec spec_;
};

}  // namespace veer

// Another vector policy with noise around what it would do: how logs are made whose densities are known.
// Thread-safety: immutable.
#pragma once

#include <memory>
#include <string>

#include "env/policy.h"

namespace veer {

/// Every weight from the normal distribution around the other policy's best guess, cut to -1..1 and
/// renormalised (a truncated normal, so that no mass sits on the bounds), drawn by Stream::explore; log_prob
/// is the log density of the whole action. In Mode::greedy it is the other policy's best guess, without
/// noise, and its log_prob.
class NoisyWeights final : public Policy {
 public:
  /// REQUIRES: `base` is not null. Throws ConfigError unless it is a vector policy and deviation is a number
  /// above 0.
  NoisyWeights(std::string name, std::shared_ptr<const Policy> base, float deviation);

  const Policy& base() const noexcept { return *base_; }
  double deviation() const noexcept { return deviation_; }
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
  double deviation_;
  PolicySpec spec_;
};

/// Value and log density of the normal distribution (mean, deviation) cut to -1..1 at its quantile u, 0 <= u
/// <
/// 1. REQUIRES: -1 <= mean <= 1, deviation > 0.
struct CutNormal {
  double value = 0.0, log_density = 0.0;
};
CutNormal cut_normal(double mean, double deviation, double u) noexcept;
/// Log density of a value under it.
double cut_normal_log_density(double mean, double deviation, double value) noexcept;

}  // namespace veer

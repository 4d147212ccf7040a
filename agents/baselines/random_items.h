// Baseline: any item the person has not seen, all equally likely.
#pragma once

#include <cstdint>
#include <string>

#include "env/policy.h"

namespace veer {

struct RandomItemsOptions {
  std::string name = "random";
  std::int32_t items = 0;    ///< catalogue size N
  std::int32_t horizon = 0;  ///< steps of an episode
  bool allow_target = false;
};

/// Uniform over the items that are neither in the history nor were shown in this episode (nor are the target,
/// unless allowed). log_prob is -log of their number; when there are none the policy stops. One uniform per
/// step from Stream::policy. A uniform distribution has no best guess, so Mode::greedy draws like
/// Mode::sample. Thread-safe: immutable.
class RandomItems : public Policy {
 public:
  /// Throws ConfigError for sizes out of range.
  explicit RandomItems(const RandomItemsOptions& options);

  const PolicySpec& spec() const noexcept override { return spec_; }
  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape&) const override;
  void act(Rows, const Observation&, PolicyState&, Actions&, Mode) const override;

 private:
  RandomItemsOptions options_;
  PolicySpec spec_;
};

}  // namespace veer

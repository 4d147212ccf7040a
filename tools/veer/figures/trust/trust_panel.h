// How far to trust what a run says: do the judges agree, did a policy leave the data that models were fitted
// on, does it gain under its own model alone, and, in guidance, how much of the shift would have happened
// anyway. Thread-safety: built on the main thread, immutable afterwards.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "rewards/trust.h"
#include "tools/veer/figures/trust/trust_views.h"

namespace veer::tools {

/// Of one method, by the figure of the views.
struct Trust {
  /// Mean over episodes of the largest minus the smallest figure that judges give the same episode; of views
  /// in which each plays it anew, the largest minus the smallest mean. NaN for one judge.
  double range = 0.0;
  double off_data = 0.0;     ///< share of what was shown that no log of the people whom models may learn from
                             ///< goes to from there
  double never_taken = 0.0;  ///< share of what was shown that none of these people ever took; NaN: not asked
  Estimate shift;            ///< guidance: IoI under the policy's own model
  Estimate caused;           ///< the same less that of the neutral policy, in the same episodes
  Estimate caused_share;     ///< of the shift; NaN for the neutral policy
  GainEvidence gain;         ///< over the baseline; empty for the baseline itself
  GainVerdict verdict = GainVerdict::no_gain;
};

class TrustPanel {
 public:
  /// `neutral`: name of the method that stands for what happens anyway; empty: the baseline. `scores` must
  /// outlive the panel, and what `views` refers to. Throws ConfigError naming --neutral for an unknown
  /// method, or where there is no drift it could stand for.
  TrustPanel(const MethodScores& scores, TrustViews views, std::size_t baseline, const std::string& neutral,
             const CrossedOptions& options);

  std::span<const Trust> methods() const noexcept { return methods_; }
  const TrustViews& views() const noexcept { return views_; }
  const std::string& own() const { return views_.judges[views_.own]; }
  const std::string& neutral() const { return scores_.methods()[neutral_].name; }
  std::size_t baseline() const noexcept { return baseline_; }
  const MethodScores& scores() const noexcept { return scores_; }

  /// Header and rows of the table, methods in their order.
  std::vector<std::string> header() const;
  std::vector<std::vector<std::string>> rows() const;
  /// Plain sentences: how to read it.
  std::vector<std::string> legend() const;
  /// Plain sentences: gains that may live off one model; what happens to people anyway.
  std::vector<std::string> findings() const;
  /// "name: what it was fitted on, calibration error", per judge of which that is known.
  std::vector<std::string> judges() const;
  std::string text() const;
  nlohmann::ordered_json json() const;

 private:
  void weigh_gains(const CrossedBootstrap& bootstrap);

  const MethodScores& scores_;
  TrustViews views_;
  std::size_t baseline_ = 0, neutral_ = 0;
  std::vector<Trust> methods_;
};

}  // namespace veer::tools

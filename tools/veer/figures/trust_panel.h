// How far to trust what a guidance run says: do the judges agree, did a policy leave the data that models
// were fitted on, does it gain under its own model alone, and how much of the shift would have happened
// anyway. Thread-safety: built on the main thread, immutable afterwards.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "rewards/trust.h"
#include "tools/veer/figures/method_scores.h"

namespace veer::tools {

/// Of one method, by its increase of interest (IoI).
struct Trust {
  /// Mean over episodes of the largest minus the smallest IoI that judges give the same path; NaN for one
  /// judge.
  double range = 0.0;
  double off_data = 0.0;  ///< share of steps that no log of the people whom models may learn from takes
  Estimate shift;         ///< IoI under the policy's own model
  Estimate caused;        ///< the same less that of the neutral policy, in the same episodes
  Estimate caused_share;  ///< of the shift; NaN for the neutral policy
  GainEvidence gain;      ///< over the baseline; empty for the baseline itself
  GainVerdict verdict = GainVerdict::no_gain;
};

class TrustPanel {
 public:
  /// `neutral`: name of the method that stands for what happens anyway; empty: the baseline. A policy's own
  /// model is the judge "planner", or "users" where there is none. REQUIRES: scores.figures().judged().
  /// Throws ConfigError naming --neutral for an unknown method.
  TrustPanel(const MethodScores& scores, std::size_t baseline, const std::string& neutral,
             const CrossedOptions& options);

  std::span<const Trust> methods() const noexcept { return methods_; }
  const std::string& own() const { return scores_.judges()[own_]; }
  const std::string& neutral() const { return scores_.methods()[neutral_].name; }
  std::size_t baseline() const noexcept { return baseline_; }
  const MethodScores& scores() const noexcept { return scores_; }

  /// Header and rows of the table, methods in their order.
  std::vector<std::string> header() const;
  std::vector<std::vector<std::string>> rows() const;
  /// How to read it: plain sentences.
  std::vector<std::string> legend() const;
  std::string text() const;
  nlohmann::ordered_json json() const;

 private:
  const MethodScores& scores_;
  std::size_t baseline_ = 0, neutral_ = 0, own_ = 0;
  std::vector<Trust> methods_;
};

}  // namespace veer::tools

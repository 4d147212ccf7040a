// A policy that sets weights, judged on a log of somebody else's: its densities, and the values of a Q model
// fitted to the log. Torch-free header; without LibTorch it says what is missing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "env/policy.h"
#include "env/store/transition_file.h"
#include "scenarios/ope/estimate.h"
#include "scenarios/ope/log.h"
#include "tools/veer/program.h"

namespace veer::tools {

struct JudgingOptions {
  double gamma = 0.95;
  double smooth = 0.0;  ///< above 0: judge the policy with truncated normal noise of this deviation instead
  std::int32_t folds = 2;
  std::int32_t draws = 4;  ///< actions of a policy that draws, per state
  std::int64_t updates = 5000;
  std::int32_t batch = 1024, hidden = 128;
  double conservatism = 0.0;
  bool quadratic = true;   ///< features of the linear Q: products too
  bool until_cut = false;  ///< nothing follows a cut: values are about the logged stretch
};

struct PolicyOnLog {
  ope::TrajectoryLog log;  ///< with q_hat and v_hat; without target and behaviour where `reason` says so
  ope::Estimate linear;    ///< of a linear Q, which needs no densities (scenarios/ope/fitted/linear_q.h)
  std::string target;      ///< what is judged, in words
  std::string reason;      ///< why there are no importance weights; empty: there are
};

/// Fits and weighs. `show` draws a progress line. Throws ConfigError for options and for a policy that does
/// not fit the log, Interrupted.
PolicyOnLog judge_on_log(const TransitionLog& log, std::shared_ptr<const Policy> policy,
                         const JudgingOptions& options, const Session& session, bool show = true);

/// The policy of this name in the world the log was made in.
std::shared_ptr<const Policy> policy_for_log(const TransitionLog& log, const std::string& file,
                                             const std::string& policy, const Session& session);

}  // namespace veer::tools

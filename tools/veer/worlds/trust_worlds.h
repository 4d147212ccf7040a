// Worlds in which the value of every candidate policy is known, and what estimators say of them from logs:
// what veer ope-trust counts up. Torch-free header; needs a build with LibTorch.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "scenarios/ope/estimate.h"
#include "scenarios/ope/trust_study.h"
#include "tools/veer/program.h"
#include "tools/veer/worlds/policy_on_log.h"

namespace veer::tools {

struct TrustCommand {
  std::string world = "discrete", output;
  std::vector<std::string> regimes{"random", "expert", "mixed"}, policies;
  std::vector<std::int64_t> steps{2000, 20000};
  int log_seeds = 10;
  std::int64_t k = 4, truth_steps = 60'000;
  double noise = 0.3;
  JudgingOptions judging{.draws = 2, .updates = 1500, .batch = 512, .hidden = 64, .until_cut = true};
};

/// A world with candidates whose values are known, and logs of it.
struct TrustWorld {
  std::vector<std::string> candidates;
  std::vector<double> truth;
  std::function<std::size_t(const std::string& regime)> behaviour;  ///< which candidate acts
  std::function<std::vector<ope::CandidateEstimates>(const std::string& regime, std::int64_t steps,
                                                     std::uint64_t seed)>
      estimates;
};

/// Adds one candidate's values to the estimators' rows.
void add_estimates(std::vector<ope::CandidateEstimates>& rows, std::size_t candidate, std::size_t candidates,
                   const std::vector<ope::Estimate>& found);

TrustWorld discrete_world(const TrustCommand& command, const Session& session);
/// Throws what opening the world and its policies throws.
TrustWorld fusion_world(const TrustCommand& command, const Session& session);

}  // namespace veer::tools

// The gradient of ProRL's objective over a shard of rollouts. Needs LibTorch: include it from .cpp files
// only. Source: Hou et al., "ProRL" (arXiv 2605.28293), the loss; where paper and released code differ, the
// paper's form is the default and the code's a named switch.
#pragma once

#include <cstdint>
#include <span>

#include "agents/generative/path_likelihood_net.h"
#include "agents/prorl/prorl_update.h"
#include "env/nn/training/flat_parameters_net.h"

namespace veer::prorl {

/// Sums over the tokens of a shard.
struct ObjectiveSums {
  double loss = 0.0;        ///< of the objective's sum, before the division by `rollouts`
  double divergence = 0.0;  ///< KL per token summed over tokens; only with Divergence::full
  double entropy = 0.0;
  std::int64_t tokens = 0;
};

/// Adds nothing up: writes the gradient of
///   [-(sum over tokens of credit * ln p) + weight * divergence] / rollouts
/// where `credit` [labels] is the advantage of the choice that a token belongs to. `net` are aliases of the
/// weights; `reference` may be null without Divergence::full.
ObjectiveSums objective_gradient(const nn::Seq2SeqNet& net, const nn::Seq2SeqNet* reference,
                                 const PathGrammar& grammar, const ForcedPaths& paths,
                                 std::span<const float> credit, double rollouts, const UpdateOptions& options,
                                 nn::FlatParameters::Gradient& gradient);

}  // namespace veer::prorl

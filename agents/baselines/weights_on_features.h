// Vector policies on logged states, outside any world: what they would do there, and how likely what was
// done would have been. Pure functions; thread-safe.
#pragma once

#include <span>

#include "env/policy.h"

namespace veer {

/// The policy's actions [rows, width] for these features [rows, F]; `keys` share one seed and say who and
/// when, for policies that draw. Throws ConfigError for a policy that is none over vectors, or that remembers
/// something from step to step, which a log does not hold.
void act_on_features(const Policy& policy, View<const float> features, std::span<const StepKey> keys,
                     Mode mode, View<float> actions);

/// Whether log_density_on_features() knows the density: of NoisyWeights, MixedWeights and RandomWeights.
/// Everything else acts on one point of the space, or keeps its density to itself.
bool has_density(const Policy& policy) noexcept;

/// Natural log of the policy's density at `logged` [rows, width]. REQUIRES: has_density(policy). Throws as
/// act_on_features().
void log_density_on_features(const Policy& policy, View<const float> features, std::span<const StepKey> keys,
                             View<const float> logged, std::span<double> out);

}  // namespace veer

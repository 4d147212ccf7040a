// The parameter that all guiders share: may the target itself be shown? See target_may_be_shown().
#pragma once

#include "agents/policy_registry.h"

namespace veer {

/// allow_target=auto|true|false
PolicyParameter allow_target_parameter();
bool allow_target(const PolicyContext& context, const PolicyParameters& parameters);

}  // namespace veer

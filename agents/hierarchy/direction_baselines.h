// Plain ways to lead an interest, for what learned agents are compared with. Thread-safety: immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "env/policy.h"

namespace veer::hierarchy {

/// The direction moment * x + long_term * p of observations as in manager_worker.h.
std::shared_ptr<const Policy> make_mixed_direction(const std::string& name, std::int32_t dimensions,
                                                   float moment, float long_term);

}  // namespace veer::hierarchy

// An HSRL model as a policy that shows slates: one evaluation of the network per row, then a search over the
// tree of tuples. Torch-free.
#pragma once

#include <memory>
#include <string>

#include "agents/slate/hsrl/hsrl_model.h"
#include "env/policy.h"

namespace veer::slate {

/// Slates of `slots` distinct items. Mode::greedy: the most probable items in descending order, equal ones by
/// ascending id. Mode::sample: as HsrlOptions::explore and best_rate say. Reads histories only. Throws
/// ConfigError when fewer items than slots may be shown.
std::shared_ptr<const Policy> make_hsrl_policy(const HsrlModel& model, std::int32_t slots,
                                               const std::string& name);

}  // namespace veer::slate

// The list of policies that need no LibTorch: the one place where their words and parameters are named.
#pragma once

#include <vector>

#include "agents/policy_registry.h"

namespace veer {

/// random, popular, nearest, graph_path, greedy_reward, beam, greedy_slate, process, plugin. Unless `allow_target` says
/// otherwise, all of them show the target itself when the world's answers are sampled and never when
/// everything is accepted (see target_may_be_shown in agents/baselines/seen_items.h).
std::vector<PolicyEntry> plain_policies();

}  // namespace veer

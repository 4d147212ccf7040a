// What it is worth that somebody comes back soon: -days / 10 at the end of every session, 0 before.
//
// Source: the cross-session task of KuaiSim (NeurIPS 2023). Thread-safety: pure functions.
#pragma once

#include <cstdint>

#include "env/reward.h"

namespace veer {

/// Of a world whose sessions last `pages` steps each, and whose features have the days until the last return,
/// divided by 10, in column `feature`. REQUIRES: pages >= 1.
RewardTerm retention_term(std::int32_t pages, std::int32_t feature, float weight = 1.0F);

}  // namespace veer

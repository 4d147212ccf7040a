// Step rewards of engagement: what people did with what they were shown, whatever the world.
// Thread-safety: the functions are pure.
#pragma once

#include "env/reward.h"

namespace veer {

/// Items taken but not bought, counted over the slots. Source: Xin et al., SIGIR 2020, where a click is worth
/// 0.2 and a purchase 1.
RewardTerm clicks(float weight = 0.2F);

/// Items bought, counted over the slots.
RewardTerm purchases(float weight = 1.0F);

/// Items shown and left, counted over the slots, negative.
RewardTerm skips(float weight = 1.0F);

}  // namespace veer

// Names for made-up items, so that a path reads like one.
// Thread-safety: pure functions.
#pragma once

#include <string>
#include <vector>

#include "simulators/synthetic/synthetic_user_world.h"

namespace veer {

/// Titles of items 1..N behind an empty one at 0; all different. The noun tells the item's leading topic.
std::vector<std::string> synthetic_titles(const SyntheticWorld& world);

/// The shortest decimal that reads back as the same number.
std::string shortest_decimal(float value);

}  // namespace veer

// What stands against replacing the policy that acted by the one that was judged from its logs, next to too
// little evidence (evidence.h): estimators that rest on different things must agree, and the gain must be
// certain. Thread-safety: pure functions.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "scenarios/ope/estimate.h"

namespace veer::ope {

/// In words; empty: nothing does.
///   - `model` (dm) and `weighted` lie on different sides of the acting policy's value, or there is no model
///   - the lower end of `weighted` is not above that value minus `margin` times its size
/// `weighted` should be sndr or wdr: consistent, and robust against the model. REQUIRES: margin >= 0.
std::vector<std::string> objections_to_release(const Estimate& behaviour, const Estimate* model,
                                               const Estimate& weighted, double margin);

}  // namespace veer::ope

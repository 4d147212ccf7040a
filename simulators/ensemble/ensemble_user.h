// Several user models of one catalogue that speak as one: the user model of kind "ensemble".
//
// A person is what each member makes of them, side by side; all members live through the same answers. With m
// over the K members:
//   P(accept item) = mean_m P_m(accept item)         the answer is drawn from it once
//   interest       = ln mean_m p_m(target)           a mixture of the members' distributions
//   rank           = the median of the members' ranks; of an even number, the mean of the middle two rounded
//                    up. Each member alone knows its whole catalogue, so this is not the target's place in
//                    the mixture, which no member can say
//   proposals      = the members' proposals in turn, best ones first, none twice
//   next item      = that of a member drawn by the same uniform number, where all members can say one
//
// A mean hides what its parts disagree about: PathScores has the deviations of acceptance and interest beside
// it, and every member can be a judge of its own. Members draw the noise of a step by the same keys, so
// deviations are about what they learned, not about luck. Members fitted on people resampled from one log
// (bagging: Breiman, "Bagging predictors", Machine Learning 24, 1996) say how much of a verdict hangs on who
// happened to be in it.
//
// Cost: that of all members, less what they share. Members that read histories with the same network
// (simulators/history_reader.h) read once for all.
//
// Thread-safety and ownership as in env/user_model.h; members are shared. Torch-free.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "env/user_model.h"

namespace veer {

/// Knobs of a scenario reach the members as they stand: build members with the scenario's modifiers. Throws
/// ConfigError without members, for a missing one, for one that is an ensemble, and for members of different
/// catalogues. An ensemble of one is that one, bit for bit.
std::unique_ptr<UserModel> make_ensemble(std::vector<std::shared_ptr<const UserModel>> members);

/// Middle value, of an even number the mean of the middle two rounded up. REQUIRES: not empty. Reorders.
std::int32_t median_rank(std::span<std::int32_t> ranks);

}  // namespace veer

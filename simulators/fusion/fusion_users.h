// People of a fusion world as a user model: they click what they click, and do the rest to what they clicked.
// Their taste does not shift; what changes within a session is their patience, which is the scenario's.
//
// Thread-safety and ownership as in env/user_model.h.
#pragma once

#include <memory>

#include "env/user_model.h"
#include "simulators/fusion/fusion_world.h"

namespace veer {

/// `probability` is that of a click; feedback has a bit per behaviour (env/behaviours.h), drawn from
/// Stream::choice, eight lanes per slot. Interest in an item is its share of the softmax over the log odds of
/// a click of all items; propose() ranks by them, whatever the target. Profiles are read by user id.
/// REQUIRES: not null.
std::unique_ptr<UserModel> make_fusion_users(std::shared_ptr<const FusionWorld> world);

}  // namespace veer

// Slates of several behaviours cut from a data set: from one whose kinds of interaction are sets of
// behaviours (veer import kuairand), or from ratings.
//
// Everybody's interactions are cut by time into consecutive groups of `slots`; what is left over is dropped.
// What was clicked before a group, with all that was done with it, is the history it was shown after. Kinds
// are named by the behaviours of env/behaviours.h joined with '+', "none" is nothing. Of ratings 3 and more
// are clicks, 4 and more likes, and 5 is read as watched to the end, as KuaiSim reads MovieLens-1M (click,
// like, star). Whoever rates has chosen what to rate; KuaiRand's people were shown their slates one by one.
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "env/behaviours.h"
#include "env/data/dataset.h"
#include "env/data/item_features.h"
#include "simulators/response/slate_people.h"

namespace veer {

/// People keep their number and part; those with fewer interactions than slots have no slate. `profiles` [U *
/// profile_width]. Throws ConfigError for a data set without kinds or ratings, for a kind of another name,
/// and for profiles of another size.
SlateData slates_of_behaviours(const Dataset& data, std::vector<float> profiles, std::int32_t profile_width,
                               std::int32_t slots);

/// The click, and what else is done in the log at least once, in the order of the published model.
std::vector<Behaviour> behaviours_in(const SlateLog& log);

/// One flag per attribute; a single 1 where there are none.
ItemFeatures attribute_features(const Dataset& data);

/// The answer that a kind of interaction stands for. Throws ConfigError for another name.
std::uint8_t answer_of_kind(std::string_view kind);

}  // namespace veer

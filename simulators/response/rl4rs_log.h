// Logged slates of RL4RS (rl4rs_dataset_a_rl.csv and its sisters), as their publishers lay them out.
// Thread-safety: free function without shared state.
//
// A header, then per line nine fields with '@' between: timestamp, session_id, sequence_id, exposed_items,
// user_feedback, user_seqfeature, user_protrait, item_feature, behavior_policy_id; commas within lists. Each
// line becomes a person of its own: the profile with ln(x + 1) of every value, as the published readers do,
// the click history, and one slate. Item features and timestamps are checked for presence and left out: the
// vectors come from item_info.csv (env/data/importers/slate_tables.h). People are split by session: of ten
// sessions (session_id modulo 10) 0 to 2 train planning models, 3 to 5 judges, 6 validates, 7 to 9 test; the
// publishers train on 0 to 5.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "simulators/response/slate_people.h"

namespace veer {

/// `items`: catalogue size. History entries of 0 are padding and left out. Throws IoError, and DataError
/// naming file, line and field for a malformed line, an id outside 1..items, a slate or profile of another
/// width than the first line's, or feedback other than 0 and 1.
SlateData read_rl4rs_log(const std::filesystem::path& file, std::int32_t items);
/// The same from memory; `name` stands for the file in messages.
SlateData read_rl4rs_log(const std::string& name, std::string_view text, std::int32_t items);

}  // namespace veer

// Tables that worlds of slates need besides an interaction log: vectors of items, and who people are.
// Thread-safety: free functions without shared state. A malformed line is a DataError naming file, line and
// field.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "env/data/item_features.h"

namespace veer {

/// The item table of RL4RS (item_info.csv): a header, then per line "id vector price location special",
/// blanks between, commas inside the vector. Ids are 1..N in any order, each once; all vectors are as wide as
/// the first. Price, location and flag are checked and left out. Throws IoError, DataError.
ItemFeatures read_rl4rs_items(const std::filesystem::path& file);
/// The same from memory; `name` stands for the file in messages.
ItemFeatures read_rl4rs_items(const std::string& name, std::string_view text);

/// Profiles of MovieLens-1M people (users.dat: UserID::Gender::Age::Occupation::Zip) for the people of a data
/// set, by their ids: 30 values, one-hot, in the order of 7 age groups, gender F and M, 21 occupations.
/// Returns [U * 30]. Throws IoError, DataError for unknown codes or when one of `user_ids` is missing.
inline constexpr std::int32_t movielens_profile_width = 30;
std::vector<float> read_movielens_profiles(const std::filesystem::path& file,
                                           std::span<const std::string> user_ids);
/// The same from memory.
std::vector<float> read_movielens_profiles(const std::string& name, std::string_view text,
                                           std::span<const std::string> user_ids);

}  // namespace veer

// Who people are, as features of several kinds side by side: users.dat of MovieLens-1M or a
// user_features*.csv of KuaiRand. Thread-safety: free function without shared state.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace veer {

/// One-hot values, feature by feature.
struct BlockProfiles {
  std::vector<std::int32_t> blocks;  ///< values of each feature
  std::vector<float> values;         ///< [U * width()]

  std::int32_t width() const noexcept;
};

/// Of the people of a data set, by their ids. MovieLens: 7 age groups, gender F and M, 21 occupations.
/// KuaiRand (a header line that begins with user_id): every column that has two to 64 different values in the
/// file, one value each in ascending order of their text; columns of amounts and ids have more and are left
/// out, as are columns that say the same of everybody. Throws IoError, DataError naming file, line and field
/// for a malformed line, and when one of `user_ids` is missing.
BlockProfiles read_profiles(const std::filesystem::path& file, std::span<const std::string> user_ids);

}  // namespace veer

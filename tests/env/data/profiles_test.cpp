// Features of people from the tables of KuaiRand and MovieLens-1M.
#include "env/data/importers/profiles.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "env/error.h"
#include "tests/test.h"

namespace veer {
namespace {

/// What read_profiles makes of a file with this text, which is gone afterwards.
BlockProfiles profiles_of(const std::string& text, const std::vector<std::string>& ids) {
  std::string pattern = (std::filesystem::temp_directory_path() / "veer-profiles-XXXXXX").string();
  REQUIRE(mkdtemp(pattern.data()) != nullptr);
  const std::filesystem::path directory = pattern;
  struct Remove {
    const std::filesystem::path& path;
    ~Remove() { std::filesystem::remove_all(path); }
  } remove{directory};
  std::ofstream(directory / "users.csv") << text;
  return read_profiles(directory / "users.csv", ids);
}

std::string refusal(const std::string& text, const std::vector<std::string>& ids) {
  try {
    profiles_of(text, ids);
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

bool says(const std::string& message, const char* words) {
  CAPTURE(message);
  return message.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("profiles of KuaiRand: columns of a few kinds, one value each") {
  std::string text = "user_id,user_active_degree,is_live,register_days,register_days_range,same\n";
  for (int user = 0; user < 70; ++user) {
    text += std::to_string(user) + "," +
            (user % 3 == 0   ? "full_active"
             : user % 3 == 1 ? "UNKNOWN"
                             : "") +
            "," + std::to_string(user % 2) + "," + std::to_string(1000 + user) + ",\"61-90, or " +
            (user < 5 ? "less" : "more") + "\",x\n";
  }
  const BlockProfiles found = profiles_of(text, {"4", "69", "3"});
  // Degrees in the order of their bytes: "", UNKNOWN, full_active. Days differ for everybody, `same` for
  // nobody.
  CHECK(found.blocks == std::vector<std::int32_t>{3, 2, 2});
  CHECK(found.width() == 7);
  CHECK(found.values ==
        std::vector<float>{0, 1, 0, 1, 0, 1, 0, /**/ 0, 0, 1, 0, 1, 0, 1, /**/ 0, 0, 1, 0, 1, 1, 0});
}

TEST_CASE("profiles of MovieLens: age, gender, occupation") {
  const BlockProfiles found = profiles_of("1::F::18::20::48067\n", {"1"});
  CHECK(found.blocks == std::vector<std::int32_t>{7, 2, 21});
  std::vector<float> expected(30, 0.0F);
  expected[1] = expected[7] = expected[29] = 1.0F;
  CHECK(found.values == expected);
}

TEST_CASE("profiles that are damaged, or of other people, are refused") {
  const std::string header = "user_id,degree\n";
  CHECK(says(refusal(header + "0,a\n1\n", {"0"}), "users.csv:3"));
  CHECK(says(refusal(header + "0,a\nx,b\n", {"0"}), "users.csv:3: user_id"));
  CHECK(says(refusal(header + "0,a\n0,b\n", {"0"}), "again"));
  CHECK(says(refusal(header + "0,a\n1,b\n", {"2"}), "no line for user"));
  CHECK(says(refusal(header + "0,a\n1,a\n", {"0"}), "no column"));
}

}  // namespace veer

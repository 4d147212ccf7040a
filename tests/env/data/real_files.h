// Real files for the slow tests: looked for in VEER_DATA_DIR, else in ../shared/data beside the source tree.
// Tests skip what is not there.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "env/data/check.h"
#include "tests/env/data/data_sets.h"

namespace veer::testing {

inline std::filesystem::path data_directory() {
  if (const char* named = std::getenv("VEER_DATA_DIR")) return named;
  return std::filesystem::path(VEER_SOURCE_DIR) / ".." / "shared" / "data";
}

/// Files of data_directory()/name, packed there or not, in a directory of their own, gone at the end of the
/// test.
class Unpacked {
 public:
  Unpacked(const std::string& name, const std::vector<std::string>& files) {
    const auto source = data_directory() / name;
    if (!std::filesystem::exists(source / (files.front() + ".xz"))) {
      MESSAGE("skipped: no " << (source / (files.front() + ".xz")).string());
      return;
    }
    std::string pattern = (std::filesystem::temp_directory_path() / "veer-data-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
    for (const std::string& file : files) {
      const auto packed = source / (file + ".xz");
      if (std::filesystem::exists(packed)) {
        const std::string command =
            "xz -dc '" + packed.string() + "' > '" + (directory_ / file).string() + "'";
        REQUIRE(std::system(command.c_str()) == 0);
      } else {
        std::filesystem::copy_file(source / file, directory_ / file);
      }
    }
  }
  ~Unpacked() {
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }
  Unpacked(const Unpacked&) = delete;
  Unpacked& operator=(const Unpacked&) = delete;

  bool there() const { return !directory_.empty(); }
  const std::filesystem::path& path() const { return directory_; }

 private:
  std::filesystem::path directory_;
};

struct Sizes {
  std::int64_t users, items, interactions;
  bool operator==(const Sizes&) const = default;
};

inline Sizes sizes_of(const Dataset& data) {
  CHECK_FALSE(find_fault(data).has_value());
  return {data.interactions.users(), data.catalogue.size(), data.interactions.size()};
}

}  // namespace veer::testing

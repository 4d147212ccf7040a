#include "tools/veer/terminal/checks.h"

#include <charconv>
#include <cstddef>
#include <fstream>
#include <span>
#include <vector>

#include "env/error.h"
#include "env/store/sealed_file.h"

namespace veer::tools {
namespace {

template <class Number>
CLI::Validator from(Number least, const char* word, const char* expected) {
  return {[least, expected](std::string& text) {
            Number value = 0;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
            const bool number = error == std::errc() && end == text.data() + text.size();
            return number && value >= least ? std::string() : "found '" + text + "'; expected " + expected;
          },
          word};
}

}  // namespace

CLI::Validator positive() { return from<std::int64_t>(1, "POSITIVE", "a whole number of 1 or more"); }

CLI::Validator not_negative() { return from<std::int64_t>(0, "NONNEGATIVE", "a whole number of 0 or more"); }

CLI::Validator at_most(std::int64_t most, const std::string& advice) {
  return {[most, advice](std::string& text) {
            std::int64_t value = 0;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
            const bool number = error == std::errc() && end == text.data() + text.size();
            if (number && value >= 1 && value <= most) return std::string();
            const bool larger = error == std::errc::result_out_of_range || (number && value > most);
            return "found '" + text + "'; expected a whole number from 1 to " + std::to_string(most) +
                   (larger ? "; " + advice : "");
          },
          "1.." + std::to_string(most)};
}

CLI::Validator unsigned_number() {
  return from<std::uint64_t>(0, "", "a whole number from 0 to 18446744073709551615");
}

void check_output(const std::string& option, const std::filesystem::path& path, const std::string& kind) {
  if (!path.has_filename())
    throw IoError({path.string(), 0, option}, {"no name", "the name of a file to write", ""});
  std::error_code ignored;
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (!std::filesystem::is_directory(folder, ignored)) {
    throw IoError({path.string(), 0, option},
                  {"a file in a directory that does not exist", "a place that can be written", ""});
  }
  if (!std::filesystem::exists(path, ignored)) return;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    throw IoError({path.string(), 0, option}, {"a directory or device", "the name of a file to write", ""});
  }
  std::vector<std::byte> head(seal_size);
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(head.data()), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(file.gcount()));
  if (head.empty() || sealed_kind(head) == kind) return;
  throw ConfigError({path.string(), 0, option},
                    {"a file that is no Veer " + kind + " file and would be lost",
                     "a new name, or a Veer " + kind + " file to replace", "choose another name"});
}

void check_writable(const std::string& option, const std::string& path) {
  const bool existed = std::filesystem::exists(path);
  const bool works = std::ofstream(path, std::ios::app).is_open();
  if (!works) throw IoError({path, 0, option}, {"a file that cannot be written", "a writable place", ""});
  if (!existed) std::filesystem::remove(path);
}

}  // namespace veer::tools

// Writing TOML so that equal values give equal bytes, and reading it with errors that name file and line.
// Thread-safety: free functions.
#pragma once

#include <toml++/toml.h>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace veer {

/// "text", with escapes.
std::string toml_string(std::string_view text);
/// A multi-line string that keeps the lines of `text` readable.
std::string toml_lines(std::string_view text);
/// ["a", "b"]
std::string toml_strings(const std::vector<std::string>& texts);

/// One table, every key of which must be asked for. Throws FormatError naming file, line and key.
class TomlReader {
 public:
  /// Parses a whole document. `name` stands for the file in messages, `hint` says what to do about a damaged
  /// one.
  TomlReader(std::string_view text, std::string name, std::string hint = "the file is damaged");

  bool contains(std::string_view key) const;
  /// Where this table begins, from 1; 0 for the whole document.
  std::int64_t line() const noexcept { return line_; }
  std::string text(std::string_view key);
  std::vector<std::string> texts(std::string_view key);
  std::int64_t integer(std::string_view key, std::int64_t lowest, std::int64_t highest);
  /// An integer or a decimal number; neither NaN nor infinity.
  double number(std::string_view key, double lowest, double highest);
  /// A u64 kept as decimal text, since TOML's integers end at 2^63-1.
  std::uint64_t unsigned_text(std::string_view key);
  /// 64 lower-case hexadecimal digits.
  std::string checksum(std::string_view key);
  /// The tables of [[key]], in order; none when the key is absent.
  std::vector<TomlReader> tables(std::string_view key);
  /// Throws when the table holds a key nobody asked for.
  void expect_no_more() const;

  [[noreturn]] void fail(std::string_view key, const std::string& found, const std::string& expected) const;

 private:
  TomlReader(std::shared_ptr<const toml::table> table, std::string name, std::string hint, std::int64_t line)
      : table_(std::move(table)), name_(std::move(name)), hint_(std::move(hint)), line_(line) {}
  const toml::node& at(std::string_view key);

  /// Tables within keep the whole document alive: a copy of a node forgets its line.
  std::shared_ptr<const toml::table> table_;
  std::string name_;
  std::string hint_;
  std::int64_t line_ = 0;
  std::vector<std::string> asked_;
};

}  // namespace veer

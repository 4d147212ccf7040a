// Reads a text file line by line in large blocks, from disk or from memory, and knows where it is for error
// messages.
//
// Not thread-safe. Ownership: a LineReader owns its file and buffer; a line it hands out is valid until the
// next call. Handled here, so that no importer has to: a UTF-8 byte order mark, CRLF line ends, a missing
// final newline, empty lines at the end. Refused here: NUL bytes, empty lines between others, lines longer
// than `longest_line`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "env/error.h"

namespace veer::importers {

/// A line that breaks a rule of its format. The reader stands behind it and can go on with the next.
class BadLine : public DataError {
 public:
  BadLine(const Where& where, const Problem& problem)
      : DataError(where, problem),
        reason_((where.field.empty() ? "" : where.field + ": ") + "expected " + problem.expected) {}
  const std::string& reason() const noexcept { return reason_; }  ///< field and rule, the same for many lines

 private:
  std::string reason_;
};

inline constexpr std::size_t longest_line = std::size_t{1} << 20;

class LineReader {
 public:
  /// Opens a file. Throws IoError when it cannot be opened or read.
  explicit LineReader(std::filesystem::path file);
  /// Reads from memory that outlives the reader; `name` stands for the file in messages.
  LineReader(std::string name, std::string_view text);
  ~LineReader();
  LineReader(LineReader&& other) noexcept;
  LineReader& operator=(LineReader&&) = delete;

  /// The next line without its end; false after the last. Throws BadLine for an empty line, DataError for
  /// what is no text of lines, and Interrupted after a signal.
  bool next(std::string_view& line);
  /// 1-based number of the line last handed out; 0 before the first.
  std::int64_t line() const noexcept { return line_; }
  const std::filesystem::path& file() const noexcept { return file_; }

  /// Throws a BadLine about the line last handed out.
  [[noreturn]] void fail(std::string field, std::string found, std::string expected,
                         std::string hint = "") const;

 private:
  bool raw_line(std::string_view& line);
  bool refill();
  void check_block(std::size_t first) const;
  void skip_byte_order_mark();
  [[noreturn]] void fail_too_long() const;

  std::filesystem::path file_;
  int descriptor_ = -1;
  std::vector<char> buffer_;  ///< empty when reading from memory
  std::string_view pending_;  ///< bytes not yet handed out
  bool at_end_ = false;       ///< nothing follows pending_
  std::int64_t line_ = 0;
  std::string_view held_;  ///< read in search of the end of empty lines, not yet handed out; or empty
  std::int64_t held_line_ = 0;
};

}  // namespace veer::importers

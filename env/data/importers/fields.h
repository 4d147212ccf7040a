// Fields of a line: cutting, unquoting, numbers, times, texts. Strict: a field is used whole or refused.
// Thread-safety: free functions; a FieldReader belongs to one importer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "env/data/importers/importer.h"
#include "env/data/importers/line_reader.h"

namespace veer::importers {

/// Whole-field numbers: no blanks, no '+', no trailing text; reals are finite.
std::optional<std::int64_t> parse_integer(std::string_view text) noexcept;
std::optional<double> parse_real(std::string_view text) noexcept;

/// Microseconds since 1970: an integer or decimal number in `unit`, or an ISO 8601 date or time in UTC
/// ("2014-04-07", "2014-04-07T10:51:09.277Z"). Years 1 to 9999. Digits beyond the microsecond are dropped.
std::optional<std::int64_t> parse_time(std::string_view text, TimeUnit unit) noexcept;

/// Cuts the lines of one reader at a delimiter of one or two characters. With `quotes`, a field that begins
/// with '"' is quoted as in RFC 4180, except that it must end on its line.
class FieldReader {
 public:
  FieldReader(LineReader& lines, std::string delimiter, bool quotes);

  /// The fields of the next line; false after the last line. Views are valid until the next call.
  bool next(std::vector<std::string_view>& fields);
  /// As above, and throws DataError unless there are exactly `count` fields. `layout` describes them in the
  /// message.
  bool next(std::vector<std::string_view>& fields, std::size_t count, std::string_view layout);

  const LineReader& lines() const noexcept { return lines_; }
  const std::string& delimiter() const noexcept { return delimiter_; }
  [[noreturn]] void fail(std::string field, std::string found, std::string expected,
                         std::string hint = "") const {
    lines_.fail(std::move(field), std::move(found), std::move(expected), std::move(hint));
  }

  /// Checked values of one field, named `field` in messages.
  std::int64_t integer(std::string_view text, std::string_view field, std::int64_t low,
                       std::int64_t high) const;
  float real(std::string_view text, std::string_view field, double low, double high) const;
  /// Microseconds since 1970. A negative number is refused: logs hold one where a time is missing or damaged.
  /// Dates may lie before 1970.
  std::int64_t time(std::string_view text, std::string_view field, TimeUnit unit) const;
  /// A whole number without leading zeros, as it stands.
  std::string_view number_id(std::string_view text, std::string_view field, std::int64_t low,
                             std::int64_t high) const;
  /// UTF-8 without control characters, not empty.
  std::string_view id(std::string_view text, std::string_view field) const;
  /// UTF-8 without control characters, may be empty.
  std::string_view text(std::string_view text, std::string_view field) const;

 private:
  std::size_t cut_quoted(std::string_view line, std::size_t start, std::vector<std::string_view>& fields);

  LineReader& lines_;
  std::string delimiter_;
  bool quotes_;
  std::string unquoted_;  ///< holds the fields of this line that had doubled quotes
};

}  // namespace veer::importers

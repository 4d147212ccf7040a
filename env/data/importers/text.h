// Small helpers on text that came from somebody else's file. Thread-safety: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veer::importers {

/// Text of a file, made safe for a message: at most 60 bytes of it, in double quotes, odd bytes as \xNN.
std::string quote(std::string_view text);

bool is_utf8(std::string_view text) noexcept;
/// ISO-8859-1 to UTF-8; text that is UTF-8 already stays as it is.
std::string latin1_to_utf8(std::string_view text);

/// Control characters, line breaks among them, become blanks: JSON may hold them in a title.
std::string on_one_line(std::string text);

/// Cuts `text` at `separator` and drops empty parts.
std::vector<std::string_view> split_list(std::string_view text, char separator);

/// A quoted string of Python or JSON at the front of `text`, decoded and taken off it; a Python 2 "u" in
/// front of it is passed over. Nothing when it does not end, or holds an escape that neither would write.
std::optional<std::string> take_string(std::string_view& text);

/// The strings of a Python list literal: ['Action', "Women's Fiction"]. Nothing when `text` is no such list.
std::optional<std::vector<std::string>> parse_python_list(std::string_view text);

/// "a, b, c"
std::string join(const std::vector<std::string_view>& parts, std::string_view separator = ", ");

}  // namespace veer::importers

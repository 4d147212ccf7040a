#include "env/data/importers/object_reader.h"

#include <algorithm>
#include <utility>

#include "env/data/importers/text.h"

namespace veer::importers {
namespace {

void skip_spaces(std::string_view& text) noexcept {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
}

bool starts_string(std::string_view text) noexcept {
  if (text.starts_with('u')) text.remove_prefix(1);
  return text.starts_with('"') || text.starts_with('\'');
}

/// Takes `expected` off the front, and blanks around it.
bool take_mark(std::string_view& text, char expected) noexcept {
  skip_spaces(text);
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  skip_spaces(text);
  return true;
}

}  // namespace

ObjectReader::ObjectReader(LineReader& lines, std::vector<std::string_view> keys)
    : lines_(lines),
      fields_(lines, ",", false),
      keys_(std::move(keys)),
      values_(keys_.size()),
      found_(keys_.size()) {}

void ObjectReader::fail() const {
  lines_.fail("", "no object", "one object a line, as JSON or as Python prints a dict",
              "unpack the file if it is compressed; an array of objects must be written one a line");
}

/// The characters between the quotes, as they stand.
std::string_view ObjectReader::take_raw_string(std::string_view& text) const {
  if (text.front() == 'u') text.remove_prefix(1);
  const char quote = text.front();
  for (std::size_t end = text.find(quote, 1); end != std::string_view::npos;
       end = text.find(quote, end + 1)) {
    std::size_t before = end;
    while (text[before - 1] == '\\') --before;
    if ((end - before) % 2 != 0) continue;
    const std::string_view raw = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    return raw;
  }
  fail();
}

/// A list or an object, brackets and all.
std::string_view ObjectReader::take_raw_nested(std::string_view& text) const {
  const std::string_view whole = text;
  std::size_t depth = 0;
  while (!text.empty()) {
    const char c = text.front();
    if (c == '"' || c == '\'') {
      take_raw_string(text);
      continue;
    }
    text.remove_prefix(1);
    if (c == '[' || c == '{' || c == '(') ++depth;
    if ((c == ']' || c == '}' || c == ')') && --depth == 0)
      return whole.substr(0, whole.size() - text.size());
  }
  fail();
}

/// The value at the front of `text`; kept when `key` is one that was asked for.
void ObjectReader::take_value(std::string_view& text, std::size_t key) {
  const bool wanted = key < keys_.size();
  if (starts_string(text)) {
    if (!wanted) {
      take_raw_string(text);
      return;
    }
    auto value = take_string(text);
    if (!value) fail();
    values_[key] = *std::move(value);
    found_[key] = true;
    return;
  }
  std::string_view raw;
  if (text.starts_with('[') || text.starts_with('{') || text.starts_with('(')) {
    raw = take_raw_nested(text);
  } else {
    raw = text.substr(0, text.find_first_of(",} \t"));
    text.remove_prefix(raw.size());
    if (raw.empty()) fail();
  }
  if (!wanted || raw == "null" || raw == "None") return;
  values_[key] = raw;
  found_[key] = true;
}

bool ObjectReader::next() {
  std::string_view text;
  if (!lines_.next(text)) return false;
  found_.assign(keys_.size(), false);
  if (!take_mark(text, '{')) fail();
  if (take_mark(text, '}')) {
    if (!text.empty()) fail();
    return true;
  }
  while (true) {
    if (!starts_string(text)) fail();
    const std::string_view name = take_raw_string(text);
    if (!take_mark(text, ':')) fail();
    take_value(text, static_cast<std::size_t>(std::find(keys_.begin(), keys_.end(), name) - keys_.begin()));
    if (take_mark(text, '}')) break;
    if (!take_mark(text, ',')) fail();
  }
  if (!text.empty()) fail();
  return true;
}

std::string_view ObjectReader::require(std::size_t key) const {
  if (!found_[key]) {
    lines_.fail(std::string(keys_[key]), "no value", "a value in every object",
                "check that this is the log of the stated format");
  }
  return values_[key];
}

}  // namespace veer::importers

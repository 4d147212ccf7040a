#include "env/store/toml_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "env/error.h"

namespace veer {

namespace {

void append_escaped(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (c == '\\') {
    out += "\\\\";
  } else if (c == '\r') {
    out += "\\r";
  } else if ((byte < 0x20 && c != '\t' && c != '\n') || byte == 0x7f) {
    out += "\\u00";
    out += "0123456789ABCDEF"[byte >> 4];
    out += "0123456789ABCDEF"[byte & 15];
  } else {
    out += c;
  }
}

std::string shortest(double value) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? std::string(text.data(), end) : "a number";
}

}  // namespace

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') {
      out += "\\\"";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      append_escaped(out, c);
    }
  }
  return out + "\"";
}

std::string toml_lines(std::string_view text) {
  std::string out = "\"\"\"\n";
  int quotes = 0;  // unescaped ones in a row: three would end the string
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '"') {
      quotes = 0;
      append_escaped(out, text[i]);
    } else if (++quotes == 3 || i + 1 == text.size()) {
      quotes = 0;
      out += "\\\"";
    } else {
      out += '"';
    }
  }
  return out + "\"\"\"";
}

std::string toml_strings(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) {
    if (out.size() > 1) out += ", ";
    out += toml_string(text);
  }
  return out + "]";
}

TomlReader::TomlReader(std::string_view text, std::string name, std::string hint)
    : name_(std::move(name)), hint_(std::move(hint)) {
  try {
    table_ = std::make_shared<const toml::table>(toml::parse(text, name_));
  } catch (const toml::parse_error& error) {
    throw FormatError(Where{name_, static_cast<std::int64_t>(error.source().begin.line), ""},
                      Problem{std::string(error.description()), "TOML", hint_});
  }
}

void TomlReader::fail(std::string_view key, const std::string& found, const std::string& expected) const {
  const toml::node* node = table_->get(key);
  const std::int64_t line = node != nullptr ? static_cast<std::int64_t>(node->source().begin.line) : line_;
  throw FormatError(Where{name_, line, std::string(key)}, Problem{found, expected, hint_});
}

bool TomlReader::contains(std::string_view key) const { return table_->contains(key); }

const toml::node& TomlReader::at(std::string_view key) {
  asked_.emplace_back(key);
  const toml::node* node = table_->get(key);
  if (node == nullptr) fail(key, "no such key", "one");
  return *node;
}

std::string TomlReader::text(std::string_view key) {
  const auto value = at(key).value_exact<std::string>();
  if (!value) fail(key, "something else", "a string");
  return *value;
}

std::vector<std::string> TomlReader::texts(std::string_view key) {
  const toml::array* array = at(key).as_array();
  if (array == nullptr) fail(key, "something else", "a list of strings");
  std::vector<std::string> values;
  for (const toml::node& node : *array) {
    const auto value = node.value_exact<std::string>();
    if (!value) fail(key, "something else", "a list of strings");
    values.push_back(*value);
  }
  return values;
}

std::int64_t TomlReader::integer(std::string_view key, std::int64_t lowest, std::int64_t highest) {
  const auto value = at(key).value_exact<std::int64_t>();
  const std::string expected = "an integer in " + std::to_string(lowest) + ".." + std::to_string(highest);
  if (!value) fail(key, "something else", expected);
  if (*value < lowest || *value > highest) fail(key, std::to_string(*value), expected);
  return *value;
}

double TomlReader::number(std::string_view key, double lowest, double highest) {
  const toml::node& node = at(key);
  const std::string expected = "a number in " + shortest(lowest) + ".." + shortest(highest);
  if (!node.is_number()) fail(key, "something else", expected);
  const double value = node.value<double>().value_or(std::numeric_limits<double>::quiet_NaN());
  if (!(value >= lowest && value <= highest)) fail(key, shortest(value), expected);
  return value;
}

std::uint64_t TomlReader::unsigned_text(std::string_view key) {
  const std::string digits = text(key);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || std::to_string(value) != digits) {
    fail(key, '"' + digits + '"', "a decimal number below 2^64");
  }
  return value;
}

std::string TomlReader::checksum(std::string_view key) {
  std::string digits = text(key);
  if (digits.size() != 64 || digits.find_first_not_of("0123456789abcdef") != std::string::npos) {
    fail(key, '"' + digits + '"', "64 lower-case hexadecimal digits");
  }
  return digits;
}

std::vector<TomlReader> TomlReader::tables(std::string_view key) {
  if (!contains(key)) return {};
  const toml::array* array = at(key).as_array();
  if (array == nullptr) fail(key, "something else", "a list of tables");
  std::vector<TomlReader> readers;
  for (const toml::node& node : *array) {
    const toml::table* table = node.as_table();
    if (table == nullptr) fail(key, "something else", "a list of tables");
    readers.push_back(TomlReader(std::shared_ptr<const toml::table>(table_, table), name_, hint_,
                                 static_cast<std::int64_t>(node.source().begin.line)));
  }
  return readers;
}

void TomlReader::expect_no_more() const {
  for (const auto& [key, value] : *table_) {
    if (std::find(asked_.begin(), asked_.end(), std::string(key.str())) == asked_.end()) {
      fail(key.str(), "a key of this name", "no other keys than those of this format");
    }
  }
}

}  // namespace veer

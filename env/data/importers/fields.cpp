#include "env/data/importers/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

#include "env/data/importers/text.h"

namespace veer::importers {
namespace {

constexpr std::int64_t micros = 1'000'000;
constexpr std::int64_t first_second = -62'135'596'800;  // 0001-01-01
constexpr std::int64_t last_second = 253'402'300'799;   // 9999-12-31

std::int64_t floor_divide(std::int64_t value, std::int64_t by) noexcept {
  return value / by - (value % by < 0 ? 1 : 0);
}

std::optional<std::int64_t> to_micros(std::int64_t ticks, TimeUnit unit) noexcept {
  switch (unit) {
    case TimeUnit::seconds:
      if (ticks < first_second || ticks > last_second) return std::nullopt;
      return ticks * micros;
    case TimeUnit::milliseconds:
      if (ticks < first_second * 1000 || ticks > last_second * 1000) return std::nullopt;
      return ticks * 1000;
    case TimeUnit::microseconds:
      if (ticks < first_second * micros || ticks > last_second * micros) return std::nullopt;
      return ticks;
    case TimeUnit::nanoseconds:
      return floor_divide(ticks, 1000);
  }
  return std::nullopt;
}

/// Microseconds of the digits behind a decimal point, in units of seconds. Digits beyond the sixth are
/// dropped.
std::optional<std::int64_t> parse_fraction(std::string_view digits) noexcept {
  if (digits.empty()) return std::nullopt;
  std::int64_t value = 0;
  std::int64_t weight = micros / 10;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value += (digit - '0') * weight;
    weight /= 10;
  }
  return value;
}

/// A number of exactly `text.size()` digits.
std::optional<int> parse_digits(std::string_view text) noexcept {
  int value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = 10 * value + (digit - '0');
  }
  return value;
}

/// "YYYY-MM-DD", then optionally 'T' or a blank and "HH:MM[:SS[.f]]", then optionally 'Z' or "+00:00".
std::optional<std::int64_t> parse_iso_time(std::string_view text) noexcept {
  const auto year = parse_digits(text.substr(0, 4));
  const auto month = parse_digits(text.substr(5, 2));
  const auto day = parse_digits(text.substr(8, 2));
  if (!year || !month || !day || text[7] != '-' || *year == 0) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  std::int64_t seconds = std::chrono::sys_days(date).time_since_epoch().count() * std::int64_t{86400};
  text.remove_prefix(10);
  if (text.empty()) return seconds * micros;
  if ((text[0] != 'T' && text[0] != ' ') || text.size() < 6 || text[3] != ':') return std::nullopt;
  if (text.ends_with('Z')) {
    text.remove_suffix(1);
  } else if (text.ends_with("+00:00")) {
    text.remove_suffix(6);
  }
  if (text.size() < 6) return std::nullopt;
  const auto hour = parse_digits(text.substr(1, 2));
  const auto minute = parse_digits(text.substr(4, 2));
  if (!hour || !minute || *hour > 23 || *minute > 59) return std::nullopt;
  seconds += *hour * 3600 + *minute * 60;
  text.remove_prefix(6);
  if (text.empty()) return seconds * micros;
  if (text.size() < 3 || text[0] != ':') return std::nullopt;
  const auto second = parse_digits(text.substr(1, 2));
  if (!second || *second > 60) return std::nullopt;
  seconds += *second;
  text.remove_prefix(3);
  if (text.empty()) return seconds * micros;
  if (text[0] != '.') return std::nullopt;
  const auto fraction = parse_fraction(text.substr(1));
  if (!fraction) return std::nullopt;
  return seconds * micros + *fraction;
}

bool has_control_character(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) noexcept {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_real(std::string_view text) noexcept {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_time(std::string_view text, TimeUnit unit) noexcept {
  if (const auto ticks = parse_integer(text)) return to_micros(*ticks, unit);
  if (text.size() >= 10 && text[4] == '-') return parse_iso_time(text);
  const std::size_t point = text.find('.');
  if (point != std::string_view::npos && unit == TimeUnit::seconds) {
    const auto whole = parse_integer(text.substr(0, point));
    const auto fraction = parse_fraction(text.substr(point + 1));
    if (whole && fraction) {
      const auto time = to_micros(*whole, unit);
      if (!time) return std::nullopt;
      return text[0] == '-' ? *time - *fraction : *time + *fraction;
    }
  }
  // Exponents, and decimals of smaller units.
  const auto real = parse_real(text);
  if (!real) return std::nullopt;
  constexpr double per_second[] = {1.0, 1e3, 1e6, 1e9};
  const double seconds = *real / per_second[static_cast<std::size_t>(unit)];
  if (seconds < static_cast<double>(first_second) || seconds > static_cast<double>(last_second))
    return std::nullopt;
  return static_cast<std::int64_t>(std::floor(seconds * 1e6));
}

FieldReader::FieldReader(LineReader& lines, std::string delimiter, bool quotes)
    : lines_(lines), delimiter_(std::move(delimiter)), quotes_(quotes) {}

/// Cuts the quoted field that begins at `start`; returns the index behind its delimiter, npos after the last
/// field.
std::size_t FieldReader::cut_quoted(std::string_view line, std::size_t start,
                                    std::vector<std::string_view>& fields) {
  const std::size_t begin = unquoted_.size();
  std::size_t from = start + 1;
  bool doubled = false;
  while (true) {
    const std::size_t mark = line.find('"', from);
    if (mark == std::string_view::npos) {
      fail("", fmt::format("a quoted field without its end, {}", quote(line.substr(start))),
           "a closing '\"' on the same line",
           "line breaks inside fields cannot be read; a '\"' inside a quoted field is written twice");
    }
    if (mark + 1 < line.size() && line[mark + 1] == '"') {
      unquoted_.append(line.substr(from, mark + 1 - from));
      from = mark + 2;
      doubled = true;
      continue;
    }
    if (doubled) {
      unquoted_.append(line.substr(from, mark - from));
      fields.push_back(std::string_view(unquoted_).substr(begin));
    } else {
      fields.push_back(line.substr(start + 1, mark - start - 1));
    }
    if (mark + 1 == line.size()) return std::string_view::npos;
    if (!line.substr(mark + 1).starts_with(delimiter_)) {
      fail("", fmt::format("text behind a quoted field, {}", quote(line.substr(start))),
           "the delimiter or the end of the line", "a '\"' inside a quoted field is written twice");
    }
    return mark + 1 + delimiter_.size();
  }
}

bool FieldReader::next(std::vector<std::string_view>& fields) {
  std::string_view line;
  if (!lines_.next(line)) return false;
  fields.clear();
  unquoted_.clear();
  if (quotes_) unquoted_.reserve(line.size());  // views into it must stay valid while it grows
  std::size_t start = 0;
  while (start != std::string_view::npos) {
    if (quotes_ && start < line.size() && line[start] == '"') {
      start = cut_quoted(line, start, fields);
      continue;
    }
    const std::size_t end =
        delimiter_.size() == 1 ? line.find(delimiter_[0], start) : line.find(delimiter_, start);
    fields.push_back(line.substr(start, end == std::string_view::npos ? end : end - start));
    start = end == std::string_view::npos ? end : end + delimiter_.size();
  }
  return true;
}

bool FieldReader::next(std::vector<std::string_view>& fields, std::size_t count, std::string_view layout) {
  if (!next(fields)) return false;
  if (fields.size() != count) {
    const std::string shown = delimiter_ == "\t" ? "tab" : "'" + delimiter_ + "'";
    fail("", fmt::format("{} {}", fields.size(), fields.size() == 1 ? "field" : "fields"),
         fmt::format("{} separated by {}: {}", count, shown, layout),
         quotes_ ? "put fields that hold the separator in double quotes" : "");
  }
  return true;
}

std::int64_t FieldReader::integer(std::string_view text, std::string_view field, std::int64_t low,
                                  std::int64_t high) const {
  const auto value = parse_integer(text);
  if (!value || *value < low || *value > high) {
    fail(std::string(field), quote(text), fmt::format("an integer from {} to {}", low, high));
  }
  return *value;
}

float FieldReader::real(std::string_view text, std::string_view field, double low, double high) const {
  const auto value = parse_real(text);
  if (!value || *value < low || *value > high) {
    fail(std::string(field), quote(text), fmt::format("a number from {:g} to {:g}", low, high));
  }
  return static_cast<float>(*value);
}

std::int64_t FieldReader::time(std::string_view text, std::string_view field, TimeUnit unit) const {
  const auto value = parse_time(text, unit);
  if (value && text.front() == '-') {
    fail(std::string(field), quote(text), "a time, not a negative number",
         "write times before 1970 as dates; veer import: --skip-bad leaves such lines out");
  }
  if (!value) {
    fail(std::string(field), quote(text),
         fmt::format("a time in {} since 1970 (years 1 to 9999), or a date such as 2014-04-07T10:51:09Z",
                     name_of(unit)),
         "veer import: --time-unit");
  }
  return *value;
}

std::string_view FieldReader::number_id(std::string_view text, std::string_view field, std::int64_t low,
                                        std::int64_t high) const {
  integer(text, field, low, high);
  if (text.size() > 1 && text.front() == '0')
    fail(std::string(field), quote(text), "a number without leading zeros");
  return text;
}

std::string_view FieldReader::id(std::string_view text, std::string_view field) const {
  if (text.empty()) fail(std::string(field), "an empty field", "an id");
  return this->text(text, field);
}

std::string_view FieldReader::text(std::string_view text, std::string_view field) const {
  if (!is_utf8(text)) {
    fail(std::string(field), quote(text), "text in UTF-8", "convert the file: iconv -f ISO-8859-1 -t UTF-8");
  }
  if (has_control_character(text)) fail(std::string(field), quote(text), "text without control characters");
  return text;
}

}  // namespace veer::importers

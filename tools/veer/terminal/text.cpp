#include "tools/veer/terminal/text.h"

#include <charconv>

#include "env/error.h"

namespace veer::tools {

namespace {

std::string with_commas(std::string digits) {
  const std::size_t first = digits.starts_with("-") ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, ",");
  return digits;
}

}  // namespace

std::string grouped(std::int64_t number) { return with_commas(std::to_string(number)); }

std::string grouped(std::uint64_t number) { return with_commas(std::to_string(number)); }

double seconds_from(const std::string& option, const std::string& text) {
  double value = 0.0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  const std::string unit(rest, end);
  const double scale = unit.empty() || unit == "s" ? 1.0 : unit == "m" ? 60.0 : unit == "h" ? 3600.0 : unit == "d" ? 86400.0 : 0.0;
  if (error == std::errc{} && value > 0.0 && value < 1e9 && scale > 0.0) return value * scale;
  throw ConfigError({{}, 0, option}, {"'" + text + "'", "a time such as 90s, 30m, 1.5h or 7d", ""});
}

}  // namespace veer::tools

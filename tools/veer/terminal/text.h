// Numbers in words and back. Pure functions.
#pragma once

#include <cstdint>
#include <string>

namespace veer::tools {

/// 1000209 as "1,000,209".
std::string grouped(std::int64_t number);
std::string grouped(std::uint64_t number);
inline std::string grouped(std::int32_t number) { return grouped(std::int64_t{number}); }
/// "90", "90s", "30m" or "1.5h" in seconds. Throws ConfigError naming the option.
double seconds_from(const std::string& option, const std::string& text);

}  // namespace veer::tools

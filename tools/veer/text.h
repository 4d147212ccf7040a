// Numbers and paths in words. Pure functions.
#pragma once

#include <cstdint>
#include <string>

namespace veer::tools {

/// 1000209 as "1,000,209".
std::string grouped(std::int64_t number);

}  // namespace veer::tools

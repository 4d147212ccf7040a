// Sizes and rates of networks: how they are checked, and how they travel as text in model files. Torch-free.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace veer::nn {

using HyperParameters = std::map<std::string, std::string>;

/// Throw ConfigError naming the field.
[[noreturn]] void reject_field(const std::string& field, const std::string& found,
                               const std::string& expected);
void require_range(const std::string& field, std::int32_t value, std::int32_t low, std::int32_t high);
void require_rate(const std::string& field, float value);  ///< 0 <= value < 1

/// Shortest decimals that read back as the same value.
std::string decimal(std::int32_t value);
std::string decimal(float value);
/// Throw FormatError when the key is missing or its text is no number.
void read_decimal(const HyperParameters& from, const std::string& key, std::int32_t& value);
void read_decimal(const HyperParameters& from, const std::string& key, float& value);

}  // namespace veer::nn

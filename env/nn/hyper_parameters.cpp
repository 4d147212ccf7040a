#include "env/nn/hyper_parameters.h"

#include <charconv>

#include "env/error.h"

namespace veer::nn {
namespace {

template <class T>
std::string shortest_decimal(T value) {
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);
  return {buffer, result.ptr};
}

template <class T>
void read_number(const HyperParameters& from, const std::string& key, T& value) {
  const auto found = from.find(key);
  if (found == from.end()) {
    throw FormatError(Where{{}, 0, key}, Problem{"no such hyper-parameter", "a number", ""});
  }
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw FormatError(Where{{}, 0, key}, Problem{"\"" + text + "\"", "a number", ""});
  }
}

}  // namespace

void reject_field(const std::string& field, const std::string& found, const std::string& expected) {
  throw ConfigError(Where{{}, 0, field}, Problem{found, expected, ""});
}

void require_range(const std::string& field, std::int32_t value, std::int32_t low, std::int32_t high) {
  if (value < low || value > high) {
    reject_field(field, std::to_string(value), std::to_string(low) + " to " + std::to_string(high));
  }
}

void require_rate(const std::string& field, float value) {
  if (!(value >= 0.0F && value < 1.0F)) {
    reject_field(field, std::to_string(value), "0 or more, less than 1");
  }
}

std::string decimal(std::int32_t value) { return shortest_decimal(value); }
std::string decimal(float value) { return shortest_decimal(value); }
void read_decimal(const HyperParameters& from, const std::string& key, std::int32_t& value) {
  read_number(from, key, value);
}
void read_decimal(const HyperParameters& from, const std::string& key, float& value) {
  read_number(from, key, value);
}

}  // namespace veer::nn

// Turns the bytes of a fuzzer into numbers, choices and texts. When they are used up, everything is zero or
// empty, so that a short input means something simple. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace veer::fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : bytes_(data, size) {}

  bool empty() const noexcept { return bytes_.empty(); }
  /// A number of a whole type, little-endian.
  template <class T>
  T number() {
    T value{};
    const auto taken = take(sizeof(T));
    if (!taken.empty()) std::memcpy(&value, taken.data(), taken.size());
    return value;
  }
  /// 0..count-1
  std::uint32_t choice(std::uint32_t count) { return number<std::uint8_t>() % count; }
  /// At most `longest` bytes, as many as the next byte says.
  std::string text(std::size_t longest) {
    const auto taken = take(std::min<std::size_t>(number<std::uint8_t>(), longest));
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  std::span<const std::byte> rest() { return std::as_bytes(take(bytes_.size())); }
  std::string_view rest_as_text() {
    const auto taken = rest();
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }

 private:
  std::span<const std::uint8_t> take(std::size_t count) {
    const auto taken = bytes_.first(std::min(count, bytes_.size()));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }
  std::span<const std::uint8_t> bytes_;
};

/// Ends the process when a promise is broken, whatever NDEBUG says.
inline void require(bool promise) {
  if (!promise) __builtin_trap();
}

}  // namespace veer::fuzz

// What people do with one thing they are shown, where a world tells several behaviours apart: one bit each of
// the slot's feedback byte. Value types; safe from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "env/types.h"

namespace veer {

/// Behaviour b is bit 1 << b of a feedback byte. The first two are feedback::accepted and
/// feedback::purchased. The numbers are stored in run files: append only.
enum class Behaviour : std::uint8_t {
  click = 0,
  gift = 1,
  complete = 2,  ///< watched to the end
  like = 3,
  share = 4,
  comment = 5,
  follow = 6,
  dislike = 7,
};
inline constexpr std::int32_t behaviours = 8;
inline constexpr std::array<std::string_view, 8> behaviour_names{"click", "gift",    "complete", "like",
                                                                 "share", "comment", "follow",   "dislike"};

constexpr std::uint8_t bit_of(Behaviour behaviour) noexcept {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(behaviour));
}
constexpr bool did(std::uint8_t answer, Behaviour behaviour) noexcept {
  return (answer & bit_of(behaviour)) != 0;
}
static_assert(bit_of(Behaviour::click) == feedback::accepted);
static_assert(bit_of(Behaviour::gift) == feedback::purchased);

}  // namespace veer

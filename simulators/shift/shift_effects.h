// What one step of the dynamics is made of: the effects that move a person, in the order in which they
// happen, and which of them a model has. shift_dynamics.h has the mathematics.
//
// Thread-safety: value types. Torch-free.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "simulators/shift/shift_layout.h"

namespace veer::shift {

/// In the order of a step that shows one item: the answer, what was shown, time.
enum class Effect : std::uint8_t {
  acceptance,  ///< taste moves towards the accepted item
  reactance,   ///< taste turns away from the refused item
  boredom,     ///< the attributes of the item bore more
  exposure,    ///< the item was shown lately; the one longest ago no longer was
  forgetting,  ///< taste returns to the long-term taste
  recovery,    ///< all boredom fades
  drift,       ///< random movement
};
inline constexpr std::size_t effect_count = 7;

/// The effects a model has, under the names of their mechanisms ("average" for an acceptance that was fitted
/// as one rate, "recovery" for the fading of boredom).
struct Effects {
  std::vector<std::string> names;
  std::array<std::int32_t, effect_count> place{};  ///< in `names`; -1: the model does not have it
};

/// `spread`: Items::spread(); items that are all alike let nothing drift.
Effects effects_of(const Parameters& parameters, float spread);

}  // namespace veer::shift

// How well ids spread over their tokens: what a generator has to choose at each digit, and how many items
// only the last digit tells apart. Thread-safety: pure function.
#pragma once

#include <cstdint>
#include <vector>

#include "env/nn/semantic_ids/semantic_ids.h"

namespace veer::nn {

struct CollisionReport {
  struct Digit {
    std::int32_t codes_used = 0;     ///< different tokens at this digit
    std::int32_t prefixes = 0;       ///< different tuples up to and with this digit
    std::int32_t most_children = 0;  ///< most different tokens that follow one prefix
    /// Bits that the token still tells once those before are known: H(digit | digits before), items equally
    /// likely.
    double entropy = 0.0;
  };
  std::vector<Digit> digits;
  std::int32_t items = 0;  ///< with an id
  // Before the last digit:
  std::int32_t colliding_items = 0;    ///< items that share all other digits with another
  std::int32_t colliding_tuples = 0;   ///< tuples they share
  std::int32_t largest_collision = 0;  ///< items at one tuple; 1 without collisions
};

CollisionReport collision_report(const SemanticIds& ids);

}  // namespace veer::nn

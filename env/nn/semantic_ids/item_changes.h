// From codes to ids, and how a catalogue changes while its codebooks stay: items join and leave, and nobody
// else's id changes. Thread-safety: pure functions. Source: Rajput et al., NeurIPS 2023, §3.1 (the digit that
// tells apart items whose codes agree).
#pragma once

#include <cstdint>
#include <span>

#include "env/nn/semantic_ids/semantic_id_codebooks.h"
#include "env/nn/semantic_ids/semantic_ids.h"
#include "env/types.h"

namespace veer::nn {

/// What the last digit counts from: 1 in the files published with ProRL. At most `codes` minus this many
/// items can agree in all other digits.
inline constexpr std::int32_t published_first_digit = 1;

/// Ids for items 1..N of codes.rows() = N + 1: the codes of a row, then the lowest last digit, from
/// `first_digit` on, that no item before has with them. `codes`: [N+1, levels], row 0 not looked at;
/// `codes_per_digit` as in the layout. Throws DataError when more items agree than the last digit can tell
/// apart, naming them by number and saying what to do; ConfigError when first_digit is not one of the codes.
SemanticIds assign_ids(View<const std::int32_t> codes, std::int32_t codes_per_digit,
                       std::int32_t first_digit = published_first_digit);

/// `ids` with ids for `items`, which have none yet, in that order: codes by the frozen codebooks, then the
/// lowest free last digit (also one that a removed item has left). Numbers beyond ids.items() make the
/// catalogue larger; numbers in between stay without an id. `vectors`: one row per item of `items`. Adding
/// items one by one, in several calls or in one gives the same ids. Throws ConfigError when codebooks and ids
/// do not belong together or an item has an id already, DataError for a vector that is not finite, and as
/// assign_ids().
SemanticIds add_items(const SemanticIds& ids, const SemanticIdCodebooks& codebooks,
                      std::span<const ItemId> items, View<const float> vectors,
                      std::int32_t first_digit = published_first_digit);

/// `ids` without these items; their numbers stay. Throws ConfigError for a number that is none of ids' items;
/// an item without an id may be named.
SemanticIds remove_items(const SemanticIds& ids, std::span<const ItemId> items);

}  // namespace veer::nn

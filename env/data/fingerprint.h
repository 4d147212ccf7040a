// The identity of a data set's content: models and runs repeat it, and refuse another.
//
// SHA-256 over the bytes below, multi-byte values little-endian. A "text list" is its number of texts (u64),
// then each text as length (u64) and bytes; an "array" is its number of values (u64), then the values.
//   "veer dataset 1\n"
//   text list  item ids 0..N (0 is the empty padding item)
//   text list  titles 0..N
//   text list  attribute names
//   array i64  attribute offsets, N + 2
//   array i32  attributes
//   text list  user ids
//   array i64  interaction offsets, U + 1
//   array i32  items
//   array i64  times (0 values when there are none)
//   array f32  ratings (0 values when there are none)
//   array u8   parts, U
// and only where the interactions are of several kinds:
//   "behaviours\n"
//   text list  behaviour names
//   array u8   behaviours
// Left out on purpose: the name, provenance and split seed (they do not change what a model can learn) and
// popularity (it follows from the items). Thread-safety: pure function.
#pragma once

#include <string>

#include "env/data/dataset.h"

namespace veer {

/// 64 lower-case hex digits.
std::string fingerprint_of(const Dataset& dataset);

}  // namespace veer

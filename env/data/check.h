// The rules every Dataset keeps. Whoever builds one from something else than an importer checks it here, and
// the file reader checks what it read. Thread-safety: pure function.
#pragma once

#include <optional>
#include <string>

#include "env/data/dataset.h"

namespace veer {

/// The first rule that does not hold: where, what was found, what was expected.
struct DatasetFault {
  std::string field;  ///< "interactions/items"
  std::string found;
  std::string expected;
};

/// Checks, in this order: sizes of all arrays; that offsets start at 0, never fall and end at the number of
/// values; that ids are distinct and not empty, and padding is empty; that attributes of an item ascend and
/// exist; that items lie in 1..N; that times never fall within a user; that ratings are finite; that
/// kinds of behaviour have distinct names, at most 255, and every interaction one of them, or none has; that
/// popularity counts the interactions; that parts exist. The fingerprint is not looked at. Linear but for the
/// ids, which are sorted.
std::optional<DatasetFault> find_fault(const Dataset& dataset);

}  // namespace veer

// Where the targets of guidance come from when a file names them.
// Thread-safety: value types and pure functions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <istream>
#include <vector>

#include "env/data/dataset.h"

namespace veer {

/// One line of a target file. `user` is -1 when the line names a target only.
struct TargetChoice {
  UserId user = -1;
  ItemId target = no_item;
  std::int64_t line = 0;  ///< of the file, from 1; 0: from no file

  friend bool operator==(const TargetChoice&, const TargetChoice&) = default;
};

/// Reads one choice per line: "target" or "user<TAB>target", with the source's own ids as in the data set.
/// Empty lines and lines that begin with '#' are skipped; a trailing carriage return is ignored. All lines
/// must have the same number of fields. Nothing is said about what a person knows: a target, with a user or
/// without, may be among the items that an episode starts with. `name` stands for the file in messages.
/// Throws DataError naming the line of an unknown id, a wrong number of fields or a repeated line, and
/// DataError when there is no choice at all.
std::vector<TargetChoice> read_targets(std::istream& in, const std::filesystem::path& name,
                                       const Dataset& data);
/// The same from a file; IoError when it cannot be opened or read.
std::vector<TargetChoice> read_targets(const std::filesystem::path& file, const Dataset& data);

}  // namespace veer

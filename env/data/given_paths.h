// Paths that somebody else made, from a file: after which items, towards which target, which items were
// shown.
//
// The file is JSON: one list of objects, or one object a line. Keys of an object:
//   history  (or `inters`)     ids of the items before the path, oldest first; not empty
//   path                       ids of the items shown, in order; may be empty
//   target                     the id that the path leads to
//   user                       text or number, optional: whose path it is. Intervals take people, not paths
//   proc_path                  instead of path and target: the path and, as its last item, the target (the
//                              windows that ProRL's repository publishes; a `target` beside it must be that
//                              item)
// Other keys are passed over. Ids are those of the source, as the dataset has them.
// Thread-safety: free functions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "env/data/dataset.h"

namespace veer {

struct GivenPath {
  UserId user = 0;  ///< of the dataset; people it does not know are counted on behind its own
  ItemId target = no_item;
  std::vector<ItemId> history, items;
};

struct GivenPaths {
  std::vector<GivenPath> paths;  ///< in the order of the file
  std::int64_t left_out = 0;     ///< with items that the dataset does not know
  std::int64_t strangers = 0;    ///< people whom the dataset does not know
};

struct GivenPathOptions {
  bool skip_unknown = false;  ///< leave paths out that name an item the dataset does not know
};

/// Throws DataError naming file, record (counted from 1; the line where there is one object a line) and key:
/// what is no JSON, lacks a key, or names an unknown item; and for a file without paths.
GivenPaths read_given_paths(const std::filesystem::path& file, const Dataset& data,
                            const GivenPathOptions& options = {});

}  // namespace veer

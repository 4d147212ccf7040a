// Reading the `.sem_ids` files published with ProRL: a JSON object from the source's own item id to its
// codes,
//   {"1": [82, 195, 247, 1], "2": [82, 200, 90, 1], ...}
// Thread-safety: pure functions. Hostile input ends in an error of the library, never in a crash.
// Source: https://github.com/hongruhou89/ProRL, datasets/*/qwen3-embedding-8b-pca.sem_ids.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "env/data/dataset.h"
#include "env/nn/semantic_ids/semantic_ids.h"

namespace veer::nn {

/// What such a file says, in its order.
struct PublishedIds {
  std::int32_t digits = 0;          ///< codes of every item
  std::vector<std::string> items;   ///< ids of the source, all different
  std::vector<std::int32_t> codes;  ///< [items, digits], 0-based, all tuples different
};

/// `name` stands for the file in messages. Throws FormatError naming line and column where the text is no
/// JSON; DataError naming the item whose id stands twice, whose codes are no list of whole numbers from 0 on
/// or of another length than the first one's, or equal another item's.
PublishedIds parse_published_ids(std::string_view text, const std::string& name);
/// The same from a file; throws IoError.
PublishedIds read_published_ids(const std::filesystem::path& path);

struct MappedIds {
  SemanticIds ids;              ///< of the data set's items
  std::vector<ItemId> without;  ///< items of the data set that the file does not know; they have no id
  std::vector<std::string>
      unknown;  ///< items of the file that the data set does not have, in the file's order
};

/// Ids for the items of a data set by the source's own item ids (Catalogue::ids). Throws DataError when a
/// code is not below `codes`, or when file and data set have no item in common.
MappedIds map_published_ids(const PublishedIds& published, const Catalogue& catalogue,
                            std::int32_t codes = 256);

}  // namespace veer::nn

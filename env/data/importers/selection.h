// Which rows of a source become interactions: order, duplicates and filters, steps 2 to 7 of importer.h.
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "env/data/importers/source_log.h"

namespace veer::importers {

/// Rows user by user, each user's in time order; ties keep the order of the file.
struct Ordered {
  std::vector<std::int64_t> rows;
  std::vector<std::int64_t> offsets;  ///< [users + 1]
};
Ordered order_rows(const SourceLog& log);

/// The rows that stay, and the people and items that appear in them.
struct Selection {
  std::vector<std::uint8_t> keep;        ///< [rows] 0: left out
  std::vector<std::int64_t> item_uses;   ///< [items] rows that stay
  std::vector<std::int32_t> user_order;  ///< those with rows, in the order of their numbers
  std::vector<std::int32_t> item_order;
};
/// Throws ConfigError for options that do not fit, DataError for duplicates that are errors and when nothing
/// is left.
Selection select_rows(const SourceLog& log, const Ordered& ordered, const ImportOptions& options);

/// What was filtered how: "k-core=5 duplicates=error unknown-items=error". What was not asked for is left
/// out.
std::string describe_filters(const SourceLog& log, const ImportOptions& options);

}  // namespace veer::importers

// What an importer hands over: rows in the order of the file, ids as the source writes them. One common path
// (build_dataset) turns it into a Dataset, so every format is ordered, filtered, numbered and split alike.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "env/data/dataset.h"
#include "env/data/importers/fields.h"
#include "env/data/importers/importer.h"
#include "env/error.h"

namespace veer::importers {

/// Numbers distinct texts 0, 1, 2, ... in order of first appearance.
class IdTable {
 public:
  std::int32_t add(std::string_view id);                  ///< throws DataError beyond 2^31 - 2 texts
  std::int32_t find(std::string_view id) const noexcept;  ///< -1: not there
  const std::string& text(std::int32_t index) const noexcept {
    return texts_[static_cast<std::size_t>(index)];
  }
  std::int32_t size() const noexcept { return static_cast<std::int32_t>(texts_.size()); }

 private:
  std::deque<std::string> texts_;  // never moves its strings: the keys below point into them
  std::unordered_map<std::string_view, std::int32_t> numbers_;
};

/// Titles and attributes of the source's item table.
class ItemTable {
 public:
  /// Adds one item. An item given twice with the same content is one item; with other content it is a
  /// DataError, unless `duplicates` says which of the two stays (keep_all keeps the first).
  void add(const FieldReader& fields, std::string_view id, std::string_view title,
           const std::vector<std::string_view>& attributes, Duplicates duplicates);

  std::int32_t find(std::string_view id) const noexcept { return ids_.find(id); }
  const std::string& title(std::int32_t row) const noexcept {
    return rows_[static_cast<std::size_t>(row)].title;
  }
  const std::vector<std::int32_t>& attributes(std::int32_t row) const noexcept {
    return rows_[static_cast<std::size_t>(row)].attributes;
  }
  const std::string& attribute_name(std::int32_t attribute) const noexcept {
    return attributes_.text(attribute);
  }
  std::int32_t attribute_count() const noexcept { return attributes_.size(); }
  std::int32_t size() const noexcept { return ids_.size(); }

 private:
  struct Row {
    std::string title;
    std::vector<std::int32_t> attributes;  ///< in the order of the source, distinct
    std::int64_t line = 0;
  };
  IdTable ids_;
  IdTable attributes_;
  std::vector<Row> rows_;
};

struct SourceLog {
  std::string format;
  std::string name;                ///< default name of the data set
  std::vector<std::string> files;  ///< read, without directories
  std::filesystem::path log_file;  ///< the file with the rows, for messages
  std::int64_t first_line = 1;     ///< line of row 0; row r stands on line first_line + r

  IdTable users;
  IdTable items;
  ItemTable table;
  std::string table_file;  ///< name of the file with the item table; empty: the source has none

  std::vector<std::int32_t> user;
  std::vector<std::int32_t> item;
  std::vector<std::int64_t> time;  ///< microseconds since 1970; empty: the source has no times
  std::vector<float> rating;       ///< empty: the source has no ratings

  /// Adds user and item of one row; an item missing from the item table is an error when `unknown_items` says
  /// so.
  void add_row(const FieldReader& fields, std::string_view user_id, std::string_view item_id,
               std::string_view item_field, UnknownItems unknown_items);

  std::int64_t rows() const noexcept { return static_cast<std::int64_t>(user.size()); }
  Where where(std::int64_t row, std::string field) const {
    return {log_file, first_line + row, std::move(field)};
  }
};

/// Steps 2 to 7 of importer.h.
Dataset build_dataset(SourceLog log, const ImportOptions& options);

}  // namespace veer::importers

// What an importer hands over: rows in the order of the file, ids as the source writes them. One common path
// (build_dataset) turns it into a Dataset, so every format is ordered, filtered, numbered and split alike.
// Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "env/data/dataset.h"
#include "env/data/importers/bad_lines.h"
#include "env/data/importers/fields.h"
#include "env/data/importers/id_table.h"
#include "env/data/importers/importer.h"
#include "env/error.h"

namespace veer::importers {

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
  std::string_view attribute_name(std::int32_t attribute) const noexcept {
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

/// What the kinds of interaction are called where one of them is worth more: 0 and 1.
inline constexpr std::array<std::string_view, 2> click_and_purchase = {"click", "purchase"};

struct SourceLog {
  explicit SourceLog(const ImportOptions& options) : bad(options.skip_bad) {}

  std::string format;
  std::string name;                ///< default name of the data set
  std::vector<std::string> files;  ///< read, without directories
  std::filesystem::path log_file;  ///< the first file with rows, for messages
  BadLines bad;

  IdTable users;
  std::vector<std::int32_t> person;  ///< [users] where several users are one person: who; else empty
  IdTable items;
  ItemTable table;
  std::string table_file;  ///< name of the file with the item table; empty: the source has none

  std::vector<std::int32_t> user;
  std::vector<std::int32_t> item;
  std::vector<std::int64_t> time;            ///< microseconds since 1970; empty: the source has no times
  std::vector<float> rating;                 ///< empty: the source has no ratings
  std::vector<std::string> behaviour_names;  ///< empty: all rows are of one kind
  std::vector<std::uint8_t> behaviour;       ///< with names: of every row
  bool sessions_count_clicks = false;        ///< min_session counts rows of behaviour 0 alone

  /// Adds user and item of one row, which stands on the line last read; an item missing from the item table
  /// is an error when `unknown_items` says so. Everything else of the row must be checked before.
  void add_row(const FieldReader& fields, std::string_view user_id, std::string_view item_id,
               std::string_view item_field, UnknownItems unknown_items);

  std::int64_t rows() const noexcept { return static_cast<std::int64_t>(user.size()); }
  Where where(std::int64_t row, std::string field) const;

 private:
  /// Rows from `row` on, until the next stretch, stand on consecutive lines of a file from `line` on.
  struct Stretch {
    std::int64_t row;
    std::int64_t line;
    std::size_t file;
  };
  std::vector<Stretch> stretches_;
  std::vector<std::filesystem::path> row_files_;
};

/// Steps 2 to 9 of importer.h.
Dataset build_dataset(SourceLog log, const ImportOptions& options);

}  // namespace veer::importers

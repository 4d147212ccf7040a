// Tables with a header line: which column is which. Shared by recbole and csv. Thread-safety: value types.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "env/data/importers/fields.h"
#include "env/data/importers/source_log.h"

namespace veer::importers {

/// Index of a column; -1: absent.
using ColumnIndex = int;

/// The header of one table.
class Header {
 public:
  /// Names of the header line last read from `fields`. Throws DataError on empty or repeated names.
  Header(const FieldReader& fields, std::vector<std::string> names);

  std::size_t size() const noexcept { return names_.size(); }
  const std::string& name(ColumnIndex column) const noexcept {
    return names_[static_cast<std::size_t>(column)];
  }
  /// The column `asked`, which must exist when it is not empty; else the first of `defaults` that exists,
  /// else -1.
  ColumnIndex find(std::string_view asked, std::initializer_list<std::string_view> defaults) const;
  /// As find(), but one must exist. `option` names what is looked for in the message.
  ColumnIndex require(std::string_view option, std::string_view asked,
                      std::initializer_list<std::string_view> defaults) const;
  std::string layout() const;  ///< all names, for messages

 private:
  [[noreturn]] void fail_missing(std::string_view option, std::string_view expected, std::string hint) const;
  std::filesystem::path file_;
  std::int64_t line_ = 0;
  std::vector<std::string> names_;
};

/// The columns of a table of interactions.
struct LogColumns {
  ColumnIndex user = -1;
  ColumnIndex item = -1;
  ColumnIndex time = -1;
  ColumnIndex rating = -1;
  ColumnIndex behaviour = -1;
};

/// The columns of a table of items.
struct ItemColumns {
  ColumnIndex id = -1;
  ColumnIndex title = -1;
  ColumnIndex attributes = -1;
};
/// Title and attribute columns by the names of ImportColumns.
ItemColumns find_item_columns(const Header& header, ColumnIndex id, const ImportColumns& columns);

/// Reads the rows behind the header into `log`. The item table, if any, is there already.
void read_log_rows(FieldReader& fields, const Header& header, const LogColumns& columns,
                   const ImportOptions& options, SourceLog& log);

/// Attributes of one item: a Python list ('[' first), else cut at `separator`. `scratch` keeps the texts
/// alive.
std::vector<std::string_view> attribute_list(const FieldReader& fields, std::string_view text,
                                             std::string_view field, char separator,
                                             std::vector<std::string>& scratch);

/// Reads the rows behind the header into log.table.
void read_item_rows(FieldReader& fields, const Header& header, const ItemColumns& columns,
                    char attribute_separator, Duplicates duplicates, SourceLog& log);

}  // namespace veer::importers

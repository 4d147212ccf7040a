// RecBole's atomic files: name.inter (interactions) and, where present, name.item (items). name.user holds
// nothing that a Dataset keeps; it is read only to check that every person of the log is in it.
//   header   column:type, type one of token, token_seq, float, float_seq
//   columns  separated by tabs, or by commas; with commas, fields may be quoted as in CSV
//   attributes  a token_seq: words separated by blanks, or a Python list of strings
// Columns other than user, item, time, rating, title and attributes are skipped. The order of rows with equal
// times is that of the file.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "env/data/importers/columns.h"
#include "env/data/importers/sources.h"
#include "env/data/importers/text.h"

namespace veer::importers {
namespace {

/// One atomic file, its header read.
struct AtomicFile {
  AtomicFile(LineReader reader, const std::string& delimiter)
      : lines(std::move(reader)), fields(lines, delimiter, delimiter == ",") {
    std::vector<std::string_view> titles;
    if (!fields.next(titles)) lines.fail("header", "an empty file", "a header such as user_id:token");
    constexpr std::array<std::string_view, 4> known = {"token", "token_seq", "float", "float_seq"};
    for (const std::string_view title : titles) {
      const std::size_t colon = title.rfind(':');
      const std::string_view type = colon == std::string_view::npos ? "" : title.substr(colon + 1);
      if (std::find(known.begin(), known.end(), type) == known.end()) {
        lines.fail("header", quote(title), "column:type with type token, token_seq, float or float_seq",
                   "files without types can be imported as csv");
      }
      names.emplace_back(title.substr(0, colon));
      types.emplace_back(type);
    }
  }

  AtomicFile(const AtomicFile&) = delete;  // fields refer to lines
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// The column must have one of two types.
  void check_type(const Header& header, ColumnIndex column, std::string_view first,
                  std::string_view second) const {
    if (column < 0) return;
    const std::string& type = types[static_cast<std::size_t>(column)];
    if (type == first || type == second) return;
    lines.fail("header", fmt::format("{} of type {}", quote(header.name(column)), type),
               first == second ? std::string(first) : fmt::format("{} or {}", first, second),
               "name another column by the options of the import");
  }

  LineReader lines;
  FieldReader fields;
  std::vector<std::string> names;
  std::vector<std::string> types;
};

/// Tab unless the header has a comma and no tab.
std::string find_delimiter(LineReader lines) {
  std::string_view header;
  if (!lines.next(header)) return "\t";
  return header.find('\t') == std::string_view::npos && header.find(',') != std::string_view::npos ? ","
                                                                                                   : "\t";
}

AtomicFile open_atomic(const Sources& sources, const std::string& name) {
  return AtomicFile(sources.open(name), find_delimiter(sources.open(name)));
}

void read_items(const Sources& sources, const std::string& name, const ImportOptions& options,
                std::string_view item_column, SourceLog& log) {
  AtomicFile file = open_atomic(sources, name);
  const Header header(file.fields, file.names);
  const ColumnIndex id = options.columns.item_id.empty() ? header.require("item-id", "", {item_column})
                                                         : header.find(options.columns.item_id, {});
  const ItemColumns columns = find_item_columns(header, id, options.columns);
  file.check_type(header, columns.id, "token", "token");
  file.check_type(header, columns.title, "token", "token_seq");
  file.check_type(header, columns.attributes, "token", "token_seq");
  read_item_rows(file.fields, header, columns, ' ', *options.duplicates, log);
}

/// The ids of a .user file must cover the users of the log.
void check_users(const Sources& sources, const std::string& name, const std::string& user_column,
                 SourceLog& log) {
  AtomicFile file = open_atomic(sources, name);
  const Header header(file.fields, file.names);
  const auto column = static_cast<std::size_t>(header.require("user", "", {user_column}));
  IdTable known;
  const std::string layout = header.layout();
  std::vector<std::string_view> values;
  read_records(log.bad, [&] {
    if (!file.fields.next(values, header.size(), layout)) return false;
    known.add(file.fields.id(values[column], user_column));
    return true;
  });
  for (std::int64_t row = 0; row < log.rows(); ++row) {
    const std::string_view user = log.users.text(log.user[static_cast<std::size_t>(row)]);
    if (known.find(user) >= 0) continue;
    throw DataError(
        log.where(row, user_column),
        Problem{quote(user), "a user of " + name, "delete the .user file if it belongs to other data"});
  }
}

}  // namespace

SourceLog read_recbole(const Sources& sources, const std::string& main, const ImportOptions& options) {
  const std::string stem = sources.find_stem(main, ".inter");
  SourceLog log(options);
  log.name = stem;
  log.files.push_back(stem + ".inter");

  AtomicFile file = open_atomic(sources, stem + ".inter");
  const Header header(file.fields, file.names);
  LogColumns columns;
  columns.user = header.require("user", options.columns.user, {"user_id"});
  columns.item = header.require("item", options.columns.item, {"item_id"});
  columns.time = header.find(options.columns.time, {"timestamp"});
  columns.rating = header.find(options.columns.rating, {"rating"});
  columns.behaviour = header.find(options.columns.behaviour, {});
  file.check_type(header, columns.user, "token", "token");
  file.check_type(header, columns.item, "token", "token");
  file.check_type(header, columns.time, "float", "token");
  file.check_type(header, columns.rating, "float", "token");
  file.check_type(header, columns.behaviour, "token", "float");

  if (sources.contains(stem + ".item")) {
    log.files.push_back(stem + ".item");
    read_items(sources, stem + ".item", options, header.name(columns.item), log);
  }
  read_log_rows(file.fields, header, columns, options, log);
  if (sources.contains(stem + ".user")) {
    log.files.push_back(stem + ".user");
    check_users(sources, stem + ".user", header.name(columns.user), log);
  }
  return log;
}

}  // namespace veer::importers

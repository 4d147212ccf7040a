// Tables of interactions with a header line, columns by name.
//   delimiter  tab, comma, semicolon or bar: the first of them that the header holds, or as the options say
//   quoting    as in RFC 4180 (fields in '"', doubled inside), but a field ends on its line
//   items      optional second table of the same kind: id, title, attributes ("Action|Drama", or a Python
//   list)
// The order of rows with equal times, and of all rows where there is no time column, is that of the file.
#include <fmt/format.h>

#include "env/data/importers/columns.h"
#include "env/data/importers/sources.h"
#include "env/data/importers/text.h"

namespace veer::importers {
namespace {

std::string find_delimiter(LineReader lines, char asked) {
  if (asked == '"' || asked == '\n' || asked == '\r') {
    throw ConfigError(Where{{}, 0, "delimiter"},
                      Problem{quote(std::string(1, asked)), "another character", ""});
  }
  if (asked != 0) return std::string(1, asked);
  std::string_view header;
  if (!lines.next(header)) return ",";
  for (const char delimiter : {'\t', ',', ';', '|'}) {
    if (header.find(delimiter) != std::string_view::npos) return std::string(1, delimiter);
  }
  return ",";
}

Header read_header(FieldReader& fields) {
  std::vector<std::string_view> names;
  if (!fields.next(names))
    fields.fail("header", "an empty file", "a header line with the names of the columns");
  return Header(fields, {names.begin(), names.end()});
}

}  // namespace

SourceLog read_csv(const Sources& sources, const std::string& main, const ImportOptions& options) {
  if (main.empty()) {
    throw ConfigError(Where{sources.directory(), 0, ""},
                      Problem{"a directory", "the file with the interactions", ""});
  }
  SourceLog log(options);
  log.name = std::filesystem::path(main).stem().string();
  log.files.push_back(main);

  if (!options.items_file.empty()) {
    log.files.push_back(options.items_file.filename().string());
    LineReader lines = sources.open_path(options.items_file);
    FieldReader fields(lines, find_delimiter(sources.open_path(options.items_file), options.delimiter), true);
    const Header header = read_header(fields);
    const ColumnIndex id = header.require("item-id", options.columns.item_id, {"id", "item", "item_id"});
    const ItemColumns columns = find_item_columns(header, id, options.columns);
    read_item_rows(fields, header, columns, options.attribute_separator, *options.duplicates, log);
  }

  LineReader lines = sources.open(main);
  FieldReader fields(lines, find_delimiter(sources.open(main), options.delimiter), true);
  const Header header = read_header(fields);
  LogColumns columns;
  columns.user = header.require("user", options.columns.user, {"user", "user_id"});
  columns.item = header.require("item", options.columns.item, {"item", "item_id"});
  columns.time = header.find(options.columns.time, {"time", "timestamp"});
  columns.rating = header.find(options.columns.rating, {"rating"});
  columns.behaviour = header.find(options.columns.behaviour, {});
  read_log_rows(fields, header, columns, options, log);
  return log;
}

}  // namespace veer::importers

#include "env/data/importers/columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "env/data/importers/text.h"

namespace veer::importers {
namespace {

std::string_view cell(const std::vector<std::string_view>& values, ColumnIndex column) {
  return values[static_cast<std::size_t>(column)];
}

constexpr std::size_t most_behaviours = 255;

/// Place of `kind` in `names`, or behind the last.
std::size_t number_of(const std::vector<std::string>& names, std::string_view kind) {
  return static_cast<std::size_t>(std::find(names.begin(), names.end(), kind) - names.begin());
}

}  // namespace

Header::Header(const FieldReader& fields, std::vector<std::string> names)
    : file_(fields.lines().file()), line_(fields.lines().line()), names_(std::move(names)) {
  for (auto name = names_.begin(); name != names_.end(); ++name) {
    if (name->empty()) {
      fields.fail("header", fmt::format("no name for column {}", name - names_.begin() + 1),
                  "a name for every column", "the first line must hold the names of the columns");
    }
    fields.text(*name, "header");
    if (std::find(names_.begin(), name, *name) != name) {
      fields.fail("header", quote(*name) + " twice", "distinct column names");
    }
  }
}

std::string Header::layout() const { return fmt::format("{}", fmt::join(names_, ", ")); }

void Header::fail_missing(std::string_view option, std::string_view expected, std::string hint) const {
  throw DataError(Where{file_, line_, std::string(option)},
                  Problem{"the columns " + quote(layout()), std::string(expected), std::move(hint)});
}

ColumnIndex Header::find(std::string_view asked, std::initializer_list<std::string_view> defaults) const {
  const auto index_of = [&](std::string_view name) {
    const auto found = std::find(names_.begin(), names_.end(), name);
    return found == names_.end() ? -1 : static_cast<ColumnIndex>(found - names_.begin());
  };
  if (!asked.empty()) {
    const ColumnIndex index = index_of(asked);
    if (index < 0)
      fail_missing(asked, "a column " + quote(asked), "check the name of the column, and the delimiter");
    return index;
  }
  for (const std::string_view name : defaults) {
    if (const ColumnIndex index = index_of(name); index >= 0) return index;
  }
  return -1;
}

ColumnIndex Header::require(std::string_view option, std::string_view asked,
                            std::initializer_list<std::string_view> defaults) const {
  const ColumnIndex index = find(asked, defaults);
  if (index < 0) {
    fail_missing(option, "a column " + join(std::vector<std::string_view>(defaults), " or "),
                 fmt::format("name the {0} column (veer import: --{0}-column)", option));
  }
  return index;
}

ItemColumns find_item_columns(const Header& header, ColumnIndex id, const ImportColumns& columns) {
  ItemColumns found;
  found.id = id;
  found.title = header.find(columns.title, {"title", "movie_title", "item_title", "name"});
  found.attributes = header.find(
      columns.attributes, {"attributes", "genres", "genre", "class", "categories", "category", "tags"});
  return found;
}

void read_log_rows(FieldReader& fields, const Header& header, const LogColumns& columns,
                   const ImportOptions& options, SourceLog& log) {
  log.log_file = fields.lines().file();
  const std::string layout = header.layout();
  constexpr double largest = std::numeric_limits<float>::max();
  std::vector<std::string_view> values;
  read_records(log.bad, [&] {
    if (!fields.next(values, header.size(), layout)) return false;
    const std::string_view user = fields.id(cell(values, columns.user), header.name(columns.user));
    const std::string_view item = fields.id(cell(values, columns.item), header.name(columns.item));
    std::int64_t time = 0;
    float rating = 0;
    std::string_view kind;
    std::size_t behaviour = 0;
    if (columns.time >= 0)
      time = fields.time(cell(values, columns.time), header.name(columns.time), options.time_unit);
    if (columns.rating >= 0)
      rating = fields.real(cell(values, columns.rating), header.name(columns.rating), -largest, largest);
    if (columns.behaviour >= 0) {
      kind = fields.id(cell(values, columns.behaviour), header.name(columns.behaviour));
      behaviour = number_of(log.behaviour_names, kind);
      if (behaviour == most_behaviours) {
        fields.fail(header.name(columns.behaviour), quote(kind),
                    fmt::format("at most {} kinds of behaviour", most_behaviours),
                    "name the column that holds kinds such as click and purchase");
      }
    }
    log.add_row(fields, user, item, header.name(columns.item), options.unknown_items);
    if (columns.time >= 0) log.time.push_back(time);
    if (columns.rating >= 0) log.rating.push_back(rating);
    if (columns.behaviour < 0) return true;
    if (behaviour == log.behaviour_names.size()) log.behaviour_names.emplace_back(kind);
    log.behaviour.push_back(static_cast<std::uint8_t>(behaviour));
    return true;
  });
}

std::vector<std::string_view> attribute_list(const FieldReader& fields, std::string_view text,
                                             std::string_view field, char separator,
                                             std::vector<std::string>& scratch) {
  fields.text(text, field);
  if (!text.starts_with('[')) return split_list(text, separator);
  auto list = parse_python_list(text);
  if (!list) {
    fields.fail(std::string(field), quote(text), "a list of quoted texts such as ['Action', 'Drama']",
                "other lists may be separated by a character, not in brackets");
  }
  scratch = *std::move(list);
  std::vector<std::string_view> attributes;
  for (const std::string& attribute : scratch) {
    if (!attribute.empty()) attributes.push_back(fields.text(attribute, field));
  }
  return attributes;
}

void read_item_rows(FieldReader& fields, const Header& header, const ItemColumns& columns,
                    char attribute_separator, Duplicates duplicates, SourceLog& log) {
  log.table_file = fields.lines().file().filename().string();
  const std::string layout = header.layout();
  std::vector<std::string_view> values;
  std::vector<std::string_view> attributes;
  std::vector<std::string> scratch;
  read_records(log.bad, [&] {
    if (!fields.next(values, header.size(), layout)) return false;
    const std::string_view id = fields.id(cell(values, columns.id), header.name(columns.id));
    std::string_view title;
    if (columns.title >= 0) title = fields.text(cell(values, columns.title), header.name(columns.title));
    attributes.clear();
    if (columns.attributes >= 0) {
      attributes = attribute_list(fields, cell(values, columns.attributes), header.name(columns.attributes),
                                  attribute_separator, scratch);
    }
    log.table.add(fields, id, title, attributes, duplicates);
    return true;
  });
}

}  // namespace veer::importers

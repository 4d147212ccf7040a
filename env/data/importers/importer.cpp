#include "env/data/importers/importer.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "env/data/importers/source_log.h"
#include "env/data/importers/sources.h"
#include "env/data/importers/text.h"
#include "env/error.h"

namespace veer {
namespace {

using Read = importers::SourceLog (*)(const importers::Sources&, const std::string&, const ImportOptions&);

constexpr std::array<ImportFormat, 3> formats = {{
    {"movielens", "directory of MovieLens 1M (ratings.dat, movies.dat) or 100K (u.data, u.item)", false},
    {"recbole", "RecBole atomic files: name.inter, with name.item where present"},
    {"csv", "table of interactions with a header line; columns by name"},
}};
constexpr std::array<Read, formats.size()> readers = {importers::read_movielens, importers::read_recbole,
                                                      importers::read_csv};

void expect_no_names(const ImportFormat& format, const ImportColumns& columns) {
  for (const std::string* name : {&columns.user, &columns.item, &columns.time, &columns.rating,
                                  &columns.item_id, &columns.title, &columns.attributes}) {
    if (name->empty()) continue;
    throw ConfigError(Where{{}, 0, "column"},
                      Problem{importers::quote(*name), "no names of columns for " + std::string(format.name),
                              "its files have none; veer import csv takes them"});
  }
}

/// Throws ConfigError for an unknown format, and for column names that the format would not look at.
Read reader_of(std::string_view format, const ImportColumns& columns) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < formats.size(); ++i) {
    names.push_back(formats[i].name);
    if (formats[i].name != format) continue;
    if (!formats[i].named_columns) expect_no_names(formats[i], columns);
    return readers[i];
  }
  throw ConfigError(Where{{}, 0, "format"},
                    Problem{importers::quote(format), "one of " + importers::join(names), ""});
}

template <class Enum, std::size_t N>
using Words = std::array<std::pair<std::string_view, Enum>, N>;

constexpr Words<Duplicates, 4> duplicates_words = {{{"error", Duplicates::error},
                                                    {"keep-all", Duplicates::keep_all},
                                                    {"keep-first", Duplicates::keep_first},
                                                    {"keep-last", Duplicates::keep_last}}};
constexpr Words<UnknownItems, 3> unknown_items_words = {
    {{"error", UnknownItems::error}, {"keep", UnknownItems::keep}, {"drop", UnknownItems::drop}}};
constexpr Words<TimeUnit, 4> time_unit_words = {{{"seconds", TimeUnit::seconds},
                                                 {"milliseconds", TimeUnit::milliseconds},
                                                 {"microseconds", TimeUnit::microseconds},
                                                 {"nanoseconds", TimeUnit::nanoseconds}}};

template <class Enum, std::size_t N>
std::optional<Enum> value_of(const Words<Enum, N>& words, std::string_view word) noexcept {
  for (const auto& [text, value] : words) {
    if (text == word) return value;
  }
  return std::nullopt;
}

template <class Enum, std::size_t N>
std::string_view word_of(const Words<Enum, N>& words, Enum value) noexcept {
  for (const auto& [text, candidate] : words) {
    if (candidate == value) return text;
  }
  return "";
}

}  // namespace

std::span<const ImportFormat> import_formats() noexcept { return formats; }

Dataset import_dataset(std::string_view format, const std::filesystem::path& path,
                       const ImportOptions& options) {
  const Read read = reader_of(format, options.columns);
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    throw IoError(Where{path, 0, ""},
                  Problem{"no such file or directory", "the data to import", "check the path"});
  }
  if (std::filesystem::is_directory(status)) {
    return importers::build_dataset(read(importers::Sources(path), "", options), options);
  }
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
  return importers::build_dataset(read(importers::Sources(parent), path.filename().string(), options),
                                  options);
}

Dataset import_from_memory(std::string_view format, std::span<const SourceText> files, std::string_view main,
                           const ImportOptions& options) {
  const Read read = reader_of(format, options.columns);
  return importers::build_dataset(read(importers::Sources(files), std::string(main), options), options);
}

std::optional<Duplicates> duplicates_from(std::string_view word) noexcept {
  return value_of(duplicates_words, word);
}
std::optional<UnknownItems> unknown_items_from(std::string_view word) noexcept {
  return value_of(unknown_items_words, word);
}
std::optional<TimeUnit> time_unit_from(std::string_view word) noexcept {
  return value_of(time_unit_words, word);
}
std::string_view name_of(Duplicates value) noexcept { return word_of(duplicates_words, value); }
std::string_view name_of(UnknownItems value) noexcept { return word_of(unknown_items_words, value); }
std::string_view name_of(TimeUnit value) noexcept { return word_of(time_unit_words, value); }

}  // namespace veer

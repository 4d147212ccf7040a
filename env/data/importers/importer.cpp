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

constexpr std::array<ImportFormat, 10> formats = {{
    {"movielens", "directory of MovieLens 1M (ratings.dat, movies.dat) or 100K (u.data, u.item)"},
    {"recbole", "RecBole atomic files: name.inter, with name.item where present", true},
    {"csv", "table of interactions with a header line; columns by name", true},
    {"retailrocket", "events.csv: views are clicks, additions to the cart purchases", false,
     Duplicates::keep_all, 3, 3},
    {"yoochoose", "directory with yoochoose-clicks.dat and yoochoose-buys.dat", false, Duplicates::keep_all,
     3},
    {"sessions", "one session a line: item ids separated by blanks, oldest first; or prefixes with targets",
     false, Duplicates::keep_all},
    {"steam", "steam_reviews.json, with steam_games.json where present; or steam-200k.csv", false,
     Duplicates::keep_all},
    {"amazon", "ratings without a header line, or reviews as one JSON object a line", false,
     Duplicates::keep_all},
    {"prorl", "ProRL's windows, name.val, with titles and attributes from name.datamaps", false,
     Duplicates::keep_all},
    {"kuairand", "directory of KuaiRand (log_*.csv, with user and video features where present), or one log",
     false, Duplicates::keep_all},
}};
constexpr std::array<Read, formats.size()> readers = {
    importers::read_movielens, importers::read_recbole,  importers::read_csv,   importers::read_retailrocket,
    importers::read_yoochoose, importers::read_sessions, importers::read_steam, importers::read_amazon,
    importers::read_prorl,     importers::read_kuairand};

void expect_no_names(const ImportFormat& format, const ImportColumns& columns) {
  for (const std::string* name :
       {&columns.user, &columns.item, &columns.time, &columns.rating, &columns.behaviour, &columns.item_id,
        &columns.title, &columns.attributes}) {
    if (name->empty()) continue;
    throw ConfigError(Where{{}, 0, "column"},
                      Problem{importers::quote(*name), "no names of columns for " + std::string(format.name),
                              "its files have none; veer import csv takes them"});
  }
}

/// Reads by `format`, with its defaults for options that are not set. Throws ConfigError for an unknown
/// format, and for column names that the format would not look at.
Dataset import_sources(std::string_view format, const importers::Sources& sources, const std::string& main,
                       ImportOptions options, ImportReport* report) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < formats.size(); ++i) {
    const ImportFormat& known = formats[i];
    names.push_back(known.name);
    if (known.name != format) continue;
    if (!known.named_columns) expect_no_names(known, options.columns);
    options.duplicates = options.duplicates.value_or(known.duplicates);
    options.min_session = options.min_session.value_or(known.min_session);
    options.min_item = options.min_item.value_or(known.min_item);
    importers::SourceLog log = readers[i](sources, main, options);
    log.format = known.name;
    if (report != nullptr) report->skipped = log.bad.reasons();
    return importers::build_dataset(std::move(log), options);
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
constexpr Words<FilterOrder, 2> filter_order_words = {
    {{"sessions-first", FilterOrder::sessions_first}, {"items-first", FilterOrder::items_first}}};
constexpr Words<Split, 2> split_words = {
    {{"seeded", Split::seeded}, {"chronological", Split::chronological}}};

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
                       const ImportOptions& options, ImportReport* report) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    throw IoError(Where{path, 0, ""},
                  Problem{"no such file or directory", "the data to import", "check the path"});
  }
  if (std::filesystem::is_directory(status)) {
    return import_sources(format, importers::Sources(path), "", options, report);
  }
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
  return import_sources(format, importers::Sources(parent), path.filename().string(), options, report);
}

Dataset import_from_memory(std::string_view format, std::span<const SourceText> files, std::string_view main,
                           const ImportOptions& options, ImportReport* report) {
  return import_sources(format, importers::Sources(files), std::string(main), options, report);
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
std::optional<FilterOrder> filter_order_from(std::string_view word) noexcept {
  return value_of(filter_order_words, word);
}
std::optional<Split> split_from(std::string_view word) noexcept { return value_of(split_words, word); }
std::string_view name_of(FilterOrder value) noexcept { return word_of(filter_order_words, value); }
std::string_view name_of(Split value) noexcept { return word_of(split_words, value); }
std::string_view name_of(Duplicates value) noexcept { return word_of(duplicates_words, value); }
std::string_view name_of(UnknownItems value) noexcept { return word_of(unknown_items_words, value); }
std::string_view name_of(TimeUnit value) noexcept { return word_of(time_unit_words, value); }

}  // namespace veer

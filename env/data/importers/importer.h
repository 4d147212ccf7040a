// Reading other people's interaction logs into a Dataset.
//
// Thread-safety: free functions without shared state. Formats are an explicit list in importer.cpp; adding
// one is one file here and one line there.
//
// What every import does, in this order:
//   1. parse strictly: a malformed line is a DataError naming file, line and field, never a guess. With
//      `skip_bad`, such lines are counted by reason and left out instead;
//   2. order each person's interactions by time; equal times (compared in microseconds) keep the order of
//      the file, and so does everything where the source has no times;
//   3. treat duplicates as `duplicates` says: the same user, item, kind and time, or the same user, item and
//      kind where there are no times;
//   4. drop interactions rated below `min_rating`;
//   5. drop, once, people with fewer than `min_session` interactions (yoochoose: clicks) and items with fewer
//      than `min_item`, in the order that `filter_order` says: what falls second can leave some of the first
//      below their number;
//   6. of the people left draw `sample_sessions`, uniformly without replacement, by `split_seed`;
//   7. drop users and items with few interactions until none is left to drop (k-core);
//   8. number users 0..U-1 and items 1..N in ascending order of the source's id: by value when every id is a
//      decimal number without leading zeros, by bytes otherwise. The catalogue holds only items that somebody
//      interacted with;
//   9. assign people to parts (env/data/splits.h) and compute the fingerprint (env/data/fingerprint.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "env/data/dataset.h"

namespace veer {

/// What to do with a repeated interaction.
enum class Duplicates : std::uint8_t { error, keep_all, keep_first, keep_last };

/// What to do with an interaction whose item is missing from the source's item table.
enum class UnknownItems : std::uint8_t {
  error,
  keep,  ///< the title is the id, and the item has no attributes
  drop,  ///< the interaction is left out
};

enum class TimeUnit : std::uint8_t { seconds, milliseconds, microseconds, nanoseconds };

/// Which of the two filters that run once comes first.
enum class FilterOrder : std::uint8_t { sessions_first, items_first };

/// Who is held out (env/data/splits.h): people by lot, or those whose last interaction is the newest.
enum class Split : std::uint8_t { seeded, chronological };

/// Names of columns, for csv and recbole. Empty: the default of the format. A named column must exist.
struct ImportColumns {
  std::string user;       ///< csv "user" or "user_id", recbole "user_id"
  std::string item;       ///< csv "item" or "item_id", recbole "item_id"
  std::string time;       ///< csv "time" or "timestamp", recbole "timestamp"; optional
  std::string rating;     ///< "rating"; optional
  std::string behaviour;  ///< the kind of interaction; optional, without a default
  std::string item_id;    ///< in the item table; csv "id", "item" or "item_id", recbole the item column
  std::string title;      ///< "title", "movie_title", "item_title" or "name"; optional
  std::string
      attributes;  ///< "attributes", "genres", "genre", "class", "categories", "category" or "tags"; optional
};

struct ImportOptions {
  std::string name;                  ///< of the data set; empty: the name of the file or directory
  int k_core = 0;                    ///< users and items need this many interactions; 0: no filter
  std::optional<int> user_core;      ///< instead of k_core, for users
  std::optional<int> item_core;      ///< instead of k_core, for items
  std::optional<double> min_rating;  ///< ConfigError where the source has no ratings
  /// Rated as high or higher is of kind "purchase", all else "click". ConfigError where the source has no
  /// ratings, or kinds of its own.
  std::optional<double> purchase_rating;
  std::optional<int> min_session;  ///< default: 3 for retailrocket and yoochoose, else 0, no filter
  std::optional<int> min_item;     ///< default: 3 for retailrocket, else 0, no filter
  FilterOrder filter_order = FilterOrder::sessions_first;
  std::int64_t sample_sessions = 0;  ///< people to draw; 0: all
  Split split = Split::seeded;       ///< ConfigError for chronological where the source has no times
  std::uint64_t split_seed = 1;
  bool skip_bad = false;                 ///< count malformed lines and leave them out
  std::optional<Duplicates> duplicates;  ///< default: error; keep_all for logs of sessions and reviews
  UnknownItems unknown_items = UnknownItems::error;
  ImportColumns columns;
  std::filesystem::path
      items_file;                  ///< csv: table of titles and attributes; relative to the working directory
  char delimiter = 0;              ///< csv: 0: the first of tab, comma, semicolon, bar that the header holds
  char attribute_separator = '|';  ///< csv: between the attributes of one item
  TimeUnit time_unit = TimeUnit::seconds;  ///< csv and recbole
};

/// Names and one-line descriptions of the formats, in the order to show them.
struct ImportFormat {
  std::string_view name;
  std::string_view reads;
  bool named_columns = false;                 ///< whether it looks at ImportOptions::columns
  Duplicates duplicates = Duplicates::error;  ///< defaults of the options of these names
  int min_session = 0;
  int min_item = 0;
};
std::span<const ImportFormat> import_formats() noexcept;

/// Malformed lines that were left out for one reason.
struct SkippedLines {
  std::string reason;  ///< field and rule: "time: expected a time in seconds since 1970 ..."
  std::int64_t lines = 0;
  std::string first;  ///< the message of the first of them, with file and line
};

/// What an import has to say besides the data set.
struct ImportReport {
  std::vector<SkippedLines> skipped;  ///< in order of first appearance
};

/// Reads `path`: a file, or the directory of the format's files, as import_formats() says of each.
/// Throws ConfigError (unknown format, option that does not fit), DataError, IoError, Interrupted.
Dataset import_dataset(std::string_view format, const std::filesystem::path& path,
                       const ImportOptions& options = {}, ImportReport* report = nullptr);

/// A file in memory.
struct SourceText {
  std::string name;  ///< file name without directories: "ratings.dat"
  std::string_view text;
};

/// As import_dataset, from files in memory. `main` is the file that a path would name; empty: the directory.
Dataset import_from_memory(std::string_view format, std::span<const SourceText> files, std::string_view main,
                           const ImportOptions& options = {}, ImportReport* report = nullptr);

/// The words for options: "error", "keep-all", ...; nullopt for any other word.
std::optional<Duplicates> duplicates_from(std::string_view word) noexcept;
std::optional<UnknownItems> unknown_items_from(std::string_view word) noexcept;
std::optional<TimeUnit> time_unit_from(std::string_view word) noexcept;
std::optional<FilterOrder> filter_order_from(std::string_view word) noexcept;
std::optional<Split> split_from(std::string_view word) noexcept;
std::string_view name_of(Duplicates value) noexcept;
std::string_view name_of(UnknownItems value) noexcept;
std::string_view name_of(TimeUnit value) noexcept;
std::string_view name_of(FilterOrder value) noexcept;
std::string_view name_of(Split value) noexcept;

}  // namespace veer

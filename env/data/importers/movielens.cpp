// MovieLens as GroupLens ships it.
//   1M    ratings.dat  UserID::MovieID::Rating::Timestamp
//         movies.dat   MovieID::Title::Genre|Genre              ISO-8859-1
//         users.dat    UserID::Gender::Age::Occupation::Zip     optional; read to know who exists
//   100K  u.data       user, movie, rating, timestamp; tabs
//         u.item       id|title|release|video release|URL|one 0/1 flag per genre    ISO-8859-1
//         u.genre      name|number
//         u.user       id|age|gender|occupation|zip             optional, as above
// Interactions of one person within one second keep the order of the ratings file. Titles that are UTF-8
// already (as in many copies) are left alone.
#include <fmt/format.h>

#include <limits>

#include "env/data/importers/sources.h"
#include "env/data/importers/text.h"

namespace veer::importers {
namespace {

constexpr std::int64_t largest_id = std::numeric_limits<std::int32_t>::max();

std::string title_of(const FieldReader& fields, std::string_view text) {
  if (text.empty()) fields.fail("title", "an empty field", "a title");
  std::string title = latin1_to_utf8(text);
  fields.text(title, "title");
  return title;
}

/// Ids of the first column; `layout` describes the others.
void read_users(FieldReader fields, std::size_t columns, std::string_view layout, IdTable& known,
                BadLines& bad) {
  std::vector<std::string_view> values;
  read_records(bad, [&] {
    if (!fields.next(values, columns, layout)) return false;
    const std::int32_t before = known.size();
    known.add(fields.number_id(values[0], "user", 1, largest_id));
    if (known.size() == before) fields.fail("user", quote(values[0]) + " again", "one line for each user");
    return true;
  });
}

/// Rows of the ratings file. Fills everything of the log but the item table.
void read_ratings(FieldReader fields, const IdTable* known_users, std::string_view movies_file,
                  SourceLog& log, UnknownItems unknown_items) {
  log.log_file = fields.lines().file();
  log.table_file = movies_file;
  std::vector<std::string_view> values;
  read_records(log.bad, [&] {
    if (!fields.next(values, 4, "user, movie, rating, time")) return false;
    const std::string_view user = fields.number_id(values[0], "user", 1, largest_id);
    if (known_users != nullptr && known_users->find(user) < 0) {
      fields.fail("user", quote(user), "a user of the users file", "the files may be of different editions");
    }
    const std::string_view movie = fields.number_id(values[1], "movie", 1, largest_id);
    const float rating = fields.real(values[2], "rating", 0.5, 5);
    const std::int64_t time = fields.time(values[3], "time", TimeUnit::seconds);
    log.add_row(fields, user, movie, "movie", unknown_items);
    log.rating.push_back(rating);
    log.time.push_back(time);
    return true;
  });
}

SourceLog read_1m(const Sources& sources, const ImportOptions& options) {
  SourceLog log(options);
  log.files = {"ratings.dat", "movies.dat"};
  {
    LineReader lines = sources.open("movies.dat");
    FieldReader fields(lines, "::", false);
    std::vector<std::string_view> values;
    read_records(log.bad, [&] {
      if (!fields.next(values, 3, "movie, title, genres")) return false;
      log.table.add(fields, fields.number_id(values[0], "movie", 1, largest_id), title_of(fields, values[1]),
                    split_list(fields.text(values[2], "genres"), '|'), *options.duplicates);
      return true;
    });
  }
  IdTable users;
  const bool has_users = sources.contains("users.dat");
  if (has_users) {
    log.files.emplace_back("users.dat");
    LineReader lines = sources.open("users.dat");
    read_users(FieldReader(lines, "::", false), 5, "user, gender, age, occupation, zip code", users, log.bad);
  }
  LineReader lines = sources.open("ratings.dat");
  read_ratings(FieldReader(lines, "::", false), has_users ? &users : nullptr, "movies.dat", log,
               options.unknown_items);
  return log;
}

std::vector<std::string> read_genres(const Sources& sources) {
  LineReader lines = sources.open("u.genre");
  FieldReader fields(lines, "|", false);
  std::vector<std::string> genres;
  std::vector<std::string_view> values;
  while (fields.next(values, 2, "genre, number")) {
    genres.emplace_back(fields.id(values[0], "genre"));
    const auto expected = static_cast<std::int64_t>(genres.size()) - 1;
    fields.integer(values[1], "number", expected, expected);
  }
  return genres;
}

SourceLog read_100k(const Sources& sources, const ImportOptions& options) {
  SourceLog log(options);
  log.files = {"u.data", "u.item", "u.genre"};
  const std::vector<std::string> genres = read_genres(sources);
  {
    LineReader lines = sources.open("u.item");
    FieldReader fields(lines, "|", false);
    const std::string layout = fmt::format(
        "movie, title, release date, video release date, URL and the {} flags of u.genre", genres.size());
    std::vector<std::string_view> values;
    std::vector<std::string_view> flagged;
    read_records(log.bad, [&] {
      if (!fields.next(values, 5 + genres.size(), layout)) return false;
      flagged.clear();
      for (std::size_t genre = 0; genre < genres.size(); ++genre) {
        if (fields.integer(values[5 + genre], genres[genre], 0, 1) == 1) flagged.push_back(genres[genre]);
      }
      log.table.add(fields, fields.number_id(values[0], "movie", 1, largest_id), title_of(fields, values[1]),
                    flagged, *options.duplicates);
      return true;
    });
  }
  IdTable users;
  const bool has_users = sources.contains("u.user");
  if (has_users) {
    log.files.emplace_back("u.user");
    LineReader lines = sources.open("u.user");
    read_users(FieldReader(lines, "|", false), 5, "user, age, gender, occupation, zip code", users, log.bad);
  }
  LineReader lines = sources.open("u.data");
  read_ratings(FieldReader(lines, "\t", false), has_users ? &users : nullptr, "u.item", log,
               options.unknown_items);
  return log;
}

}  // namespace

SourceLog read_movielens(const Sources& sources, const std::string& main, const ImportOptions& options) {
  const bool is_1m = main.empty() ? sources.contains("ratings.dat") : main == "ratings.dat";
  const bool is_100k = main.empty() ? sources.contains("u.data") : main == "u.data";
  if (!is_1m && !is_100k) {
    std::string hint = "name the directory that holds these files";
    for (const std::string& name : sources.names()) {
      if (name.starts_with("ratings.dat.") || name.starts_with("u.data.")) hint = "unpack " + name + " first";
      if (name == "ratings.csv") hint = "import ratings.csv as csv, with user=userId and item=movieId";
    }
    throw DataError(
        Where{sources.directory() / main, 0, ""},
        Problem{main.empty() ? "neither ratings.dat nor u.data" : "another file",
                "MovieLens 1M (ratings.dat, movies.dat) or 100K (u.data, u.item, u.genre)", hint});
  }
  SourceLog log = is_1m ? read_1m(sources, options) : read_100k(sources, options);
  log.name = sources.directory_name().empty() ? "movielens" : sources.directory_name();
  return log;
}

}  // namespace veer::importers

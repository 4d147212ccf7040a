// Steam, in the two forms that are published.
//   UCSD (Kang and McAuley, "Self-attentive sequential recommendation", ICDM 2018): Python dicts, one a line
//     steam_reviews.json  username, product_id, date, ...; a review stands for having played the game
//     steam_games.json    id, title or app_name, genres, ...; optional, beside it. Games without an id are
//     passed
//                         over: nobody can refer to them
//   Kaggle's steam-200k.csv (any .csv): user,"game",purchase or play,value,0, without a header line. Games
//   are
//     called by their titles. No times; behaviours as the log calls them
// Dates are days: the reviews of one person and day keep the order of the file.
#include "env/data/importers/columns.h"
#include "env/data/importers/object_reader.h"
#include "env/data/importers/sources.h"
#include "env/data/importers/text.h"

namespace veer::importers {
namespace {

constexpr const char* games_file = "steam_games.json";

void read_games(const Sources& sources, const ImportOptions& options, SourceLog& log) {
  log.table_file = games_file;
  log.files.emplace_back(games_file);
  LineReader lines = sources.open(games_file);
  ObjectReader games(lines, {"id", "title", "app_name", "genres"});
  std::vector<std::string> scratch;
  read_records(log.bad, [&] {
    if (!games.next()) return false;
    if (games.value(0) == nullptr) return true;
    const FieldReader& fields = games.fields();
    const std::string* named = games.value(1) != nullptr ? games.value(1) : games.value(2);
    const std::string title = named == nullptr ? "" : on_one_line(*named);
    std::vector<std::string_view> genres;
    if (games.value(3) != nullptr) genres = attribute_list(fields, *games.value(3), "genres", ',', scratch);
    log.table.add(fields, fields.id(*games.value(0), "id"), fields.text(title, "title"), genres,
                  *options.duplicates);
    return true;
  });
}

void read_reviews(LineReader lines, const ImportOptions& options, SourceLog& log) {
  ObjectReader reviews(lines, {"username", "product_id", "date"});
  const FieldReader& fields = reviews.fields();
  read_records(log.bad, [&] {
    if (!reviews.next()) return false;
    const std::string_view user = fields.id(reviews.require(0), "username");
    const std::string_view game = fields.id(reviews.require(1), "product_id");
    const std::int64_t time = fields.time(reviews.require(2), "date", TimeUnit::seconds);
    log.add_row(fields, user, game, "product_id", options.unknown_items);
    log.time.push_back(time);
    return true;
  });
}

void read_200k(LineReader lines, const ImportOptions& options, SourceLog& log) {
  log.behaviour_names = {"play", "purchase"};
  FieldReader fields(lines, ",", true);
  std::vector<std::string_view> values;
  read_records(log.bad, [&] {
    if (!fields.next(values, 5, "user, game, purchase or play, hours, 0")) return false;
    const std::string_view user = fields.id(values[0], "user");
    const std::string_view game = fields.id(values[1], "game");
    const bool purchase = values[2] == "purchase";
    if (!purchase && values[2] != "play") fields.fail("behaviour", quote(values[2]), "purchase or play");
    fields.real(values[3], "hours", 0, 1e9);
    log.add_row(fields, user, game, "game", options.unknown_items);
    log.behaviour.push_back(purchase ? 1 : 0);
    return true;
  });
}

}  // namespace

SourceLog read_steam(const Sources& sources, const std::string& main, const ImportOptions& options) {
  std::string file = main;
  if (file.empty()) file = sources.contains("steam_reviews.json") ? "steam_reviews.json" : "steam-200k.csv";
  SourceLog log(options);
  log.name = "steam";
  log.files = {file};
  log.log_file = sources.directory() / file;
  if (file.ends_with(".csv")) {
    read_200k(sources.open(file), options, log);
    return log;
  }
  if (sources.contains(games_file)) read_games(sources, options, log);
  read_reviews(sources.open(file), options, log);
  return log;
}

}  // namespace veer::importers

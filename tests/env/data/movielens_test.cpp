#include "tests/env/data/data_sets.h"

using namespace veer;
using namespace veer::testing;

namespace {

std::string failure(const std::string& movies_text, const std::string& ratings_text,
                    const std::string& users_text = users, const ImportOptions& options = {}) {
  return message_of<DataError>([&] {
    import_texts("movielens",
                 {{"movies.dat", movies_text}, {"users.dat", users_text}, {"ratings.dat", ratings_text}}, "",
                 options);
  });
}

}  // namespace

TEST_CASE("movielens 1M: ids, titles, genres, order") {
  const Dataset data = small_movielens();
  CHECK(data.catalogue.ids == std::vector<std::string>{"", "1", "2", "10"});
  CHECK(data.catalogue.titles ==
        std::vector<std::string>{"", "Heat (1995)", "Am\xC3\xA9lie (2001)", "Alien (1979)"});
  CHECK(data.catalogue.attribute_names == std::vector<std::string>{"Action", "Crime", "Comedy"});
  CHECK(data.catalogue.attribute_offsets == std::vector<std::int64_t>{0, 0, 2, 3, 4});
  CHECK(data.catalogue.attributes == std::vector<std::int32_t>{0, 1, 2, 0});
  CHECK(data.catalogue.popularity == std::vector<std::int64_t>{0, 2, 2, 1});
  CHECK(data.interactions.user_ids == std::vector<std::string>{"1", "2"});
  // Time order; item 10 stands before item 2 in the file, within the same second.
  CHECK(items_of(data, 0) == std::vector<ItemId>{1, 3, 2});
  CHECK(items_of(data, 1) == std::vector<ItemId>{1, 2});
  CHECK(data.interactions.times == std::vector<std::int64_t>{50, 100, 100, 7, 8});
  CHECK(data.interactions.ratings == std::vector<float>{3, 5, 4, 1, 2});
  CHECK(data.provenance.source == "movielens");
  CHECK(data.provenance.origin == "ratings.dat,movies.dat,users.dat");
  CHECK(data.provenance.filters == "k-core=0 duplicates=error unknown-items=error");
  CHECK(data.fingerprint.size() == 64);
}

TEST_CASE("movielens 1M: CRLF, byte order mark, no final newline, UTF-8 titles change nothing") {
  const Dataset plain = small_movielens();
  std::string crlf = "\xEF\xBB\xBF";
  for (const char c : ratings) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
  std::string utf8 = movies;
  utf8.replace(utf8.find('\xE9'), 1, "\xC3\xA9");
  utf8.pop_back();
  const Dataset other = import_texts("movielens", {{"ratings.dat", crlf}, {"movies.dat", utf8}});
  CHECK(other.fingerprint == plain.fingerprint);
}

TEST_CASE("movielens 1M: every malformed line is named") {
  check_message(failure(movies, "1::1::5::7\n1::2::5\n"),
                {"ratings.dat:2", "3 fields", "4 separated by '::'", "rating"});
  check_message(failure(movies, "1::1::5::7::8\n"), {"ratings.dat:1", "5 fields", "4 separated"});
  check_message(failure(movies, "x::1::5::7\n"), {"ratings.dat:1", "user", "\"x\"", "an integer from 1"});
  check_message(failure(movies, "01::1::5::7\n"), {"ratings.dat:1", "user", "\"01\"", "leading zeros"});
  check_message(failure(movies, "1::-1::5::7\n"), {"ratings.dat:1", "movie", "\"-1\"", "an integer from 1"});
  check_message(failure(movies, "1::1::6::7\n"),
                {"ratings.dat:1", "rating", "\"6\"", "a number from 0.5 to 5"});
  check_message(failure(movies, "1::1::nan::7\n"), {"ratings.dat:1", "rating", "\"nan\""});
  check_message(failure(movies, "1::1::5::soon\n"),
                {"ratings.dat:1", "time", "\"soon\"", "a time in seconds"});
  check_message(failure(movies, "1::1::5::7\n1::99::5::7\n"),
                {"ratings.dat:2", "movie", "\"99\"", "an item of movies.dat", "unknown-items"});
  check_message(failure(movies, "3::1::5::7\n"), {"ratings.dat:1", "user", "\"3\"", "users file"});
  check_message(failure(movies, "1::1::5::7\n2::1::5::7\n1::1::4::7\n"),
                {"ratings.dat:3", "item", "user \"1\" with item \"1\"", "line 1", "duplicates"});
  check_message(failure(movies, ""), {"ratings.dat", "no interactions"});
  check_message(failure("1::Heat::Action\n1::Heat 2::Action\n", ratings),
                {"movies.dat:2", "item", "\"1\"", "line 1", "one description"});
  check_message(failure("1::Heat\n", ratings), {"movies.dat:1", "2 fields", "3 separated"});
  check_message(failure("1::::Action\n", ratings), {"movies.dat:1", "title", "an empty field"});
  check_message(failure(movies, ratings, users + "2::M::1::1::1\n"), {"users.dat:3", "user", "\"2\" again"});
}

TEST_CASE("movielens: unknown movies kept or dropped") {
  const std::string rows = "1::1::5::1\n1::99::5::2\n2::1::4::3\n";
  ImportOptions options;
  options.unknown_items = UnknownItems::keep;
  const Dataset kept =
      import_texts("movielens", {{"movies.dat", movies}, {"ratings.dat", rows}}, "", options);
  CHECK(kept.catalogue.titles == std::vector<std::string>{"", "Heat (1995)", "99"});
  CHECK(kept.catalogue.attributes_of(2).empty());
  options.unknown_items = UnknownItems::drop;
  const Dataset dropped =
      import_texts("movielens", {{"movies.dat", movies}, {"ratings.dat", rows}}, "", options);
  CHECK(dropped.catalogue.size() == 1);
  CHECK(dropped.interactions.size() == 2);
}

TEST_CASE("movielens 100K") {
  const std::string genres = "unknown|0\nAction|1\nComedy|2\n\n";
  const std::string movie_table =
      "1|Heat (1995)|01-Jan-1995||http://x/?a=%20(1995)|0|1|0\n2|Am\xE9lie|||||0|1\n3|Both||||0|1|1\n";
  const std::string fixed =
      "1|Heat (1995)|01-Jan-1995||http://x/?a=%20(1995)|0|1|0\n2|Am\xE9lie||||0|0|1\n3|Both||||0|1|1\n";
  const std::string rows = "196\t3\t3\t881250949\n22\t1\t1\t878887116\n196\t2\t5\t881250000\n";
  const auto import_with = [&](const std::string& table, const std::string& data) {
    return import_texts("movielens", {{"u.data", data}, {"u.item", table}, {"u.genre", genres}});
  };
  const Dataset data = import_with(fixed, rows);
  CHECK(data.interactions.user_ids == std::vector<std::string>{"22", "196"});
  CHECK(items_of(data, 1) == std::vector<ItemId>{2, 3});
  CHECK(data.catalogue.attribute_names == std::vector<std::string>{"Action", "Comedy"});
  CHECK(data.catalogue.attributes_of(3).size() == 2);
  CHECK(data.catalogue.titles[2] == "Am\xC3\xA9lie");

  check_message(message_of<DataError>([&] { import_with(movie_table, rows); }),
                {"u.item:2", "unknown", "\"\"", "0 to 1"});
  check_message(message_of<DataError>([&] { import_with("1|Heat||||0|1\n", rows); }),
                {"u.item:1", "7 fields", "8 separated"});
  check_message(message_of<DataError>([&] { import_with(fixed, "1 2 3 4\n"); }),
                {"u.data:1", "1 field;", "4 separated by tab"});
  check_message(
      message_of<DataError>([&] {
        import_texts("movielens", {{"u.data", rows}, {"u.item", fixed}, {"u.genre", "Action|0\nComedy|2\n"}});
      }),
      {"u.genre:2", "number", "\"2\"", "from 1 to 1"});
}

TEST_CASE("movielens: missing files") {
  check_message(message_of<DataError>([] {
                  import_texts("movielens", {{"ratings.dat.xz", ""}});
                }),
                {"neither ratings.dat nor u.data", "unpack ratings.dat.xz"});
  check_message(message_of<DataError>([] { import_texts("movielens", {{"ratings.csv", ""}}); }), {"as csv"});
  check_message(message_of<IoError>([] {
                  import_texts("movielens", {{"ratings.dat", ratings}});
                }),
                {"movies.dat", "no such file"});
  check_message(message_of<IoError>([] { import_dataset("movielens", "/nonexistent/ml-1m"); }),
                {"/nonexistent/ml-1m", "no such file or directory"});
  check_message(message_of<ConfigError>([] { import_dataset("netflix", "/tmp"); }),
                {"format", "\"netflix\"", "movielens, recbole, csv"});
}

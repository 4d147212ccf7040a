// Steam and Amazon in the forms that are published, and the objects they are made of.
#include "env/data/importers/object_reader.h"
#include "tests/env/data/data_sets.h"

using namespace veer;
using namespace veer::testing;
using importers::LineReader;
using importers::ObjectReader;

namespace {

const std::string games =
    "{u'genres': [u'Action', u'Indie'], u'app_name': u'Lost Kitty', u'title': u\"Kitty's Way\", u'id': "
    "u'70'}\n"
    "{u'app_name': u'No id', u'early_access': False}\n"
    "{u'app_name': u'Half \\xe9', u'tags': [u'Old'], u'id': u'8', u'price': 4.99}\n";
const std::string reviews =
    "{u'username': u'Ann', u'hours': 0.1, u'product_id': u'70', u'date': u'2017-12-17', u'text': u'it\\'s, "
    "{ok}'}\n"
    "{u'username': u'Ann', u'product_id': u'8', u'date': u'2017-12-16', u'text': u'', u'early_access': "
    "False}\n"
    "{u'username': u'Bob', u'product_id': u'8', u'date': u'2016-01-02', u'found_funny': None}\n";

}  // namespace

TEST_CASE("steam: reviews with games beside them") {
  const Dataset data = import_texts("steam", {{"steam_reviews.json", reviews}, {"steam_games.json", games}});
  CHECK(data.interactions.user_ids == std::vector<std::string>{"Ann", "Bob"});
  CHECK(data.catalogue.ids == std::vector<std::string>{"", "8", "70"});
  CHECK(data.catalogue.titles == std::vector<std::string>{"", "Half \xC3\xA9", "Kitty's Way"});
  CHECK(data.catalogue.attribute_names == std::vector<std::string>{"Action", "Indie"});
  CHECK(items_of(data, 0) == std::vector<ItemId>{1, 2});  // by date, not by place
  CHECK(data.interactions.times[1] == 1513468800);
  CHECK(data.provenance.origin == "steam_reviews.json,steam_games.json");
  CHECK(import_texts("steam", {{"steam_reviews.json", reviews}}).catalogue.titles[2] == "70");

  const std::string odd = "{u'username': u'Ann', u'product_id': u'9', u'date': u'2017-12-17'}\n";
  check_message(message_of<DataError>([&] {
                  import_texts("steam", {{"steam_reviews.json", reviews + odd}, {"steam_games.json", games}});
                }),
                {"steam_reviews.json:4", "product_id", "\"9\"", "steam_games.json", "unknown-items"});
  check_message(message_of<DataError>([&] {
                  import_texts("steam", {{"steam_reviews.json", "{u'username': u'A'}\n"}});
                }),
                {"steam_reviews.json:1", "product_id", "no value"});
}

TEST_CASE("steam: Kaggle's table, titles in quotes, plays and purchases") {
  const std::string table =
      "151603712,\"The Elder Scrolls V, Skyrim\",purchase,1.0,0\n"
      "151603712,\"The Elder Scrolls V, Skyrim\",play,273.0,0\n"
      "5250,Dota 2,play,0.2,0\n";
  const Dataset data = import_texts("steam", {{"steam-200k.csv", table}});
  CHECK(data.interactions.user_ids == std::vector<std::string>{"5250", "151603712"});
  CHECK(data.catalogue.titles == std::vector<std::string>{"", "Dota 2", "The Elder Scrolls V, Skyrim"});
  CHECK(data.interactions.behaviour_names == std::vector<std::string>{"play", "purchase"});
  CHECK(data.interactions.behaviours == std::vector<std::uint8_t>{0, 1, 0});
  CHECK(data.interactions.times.empty());
  check_message(message_of<DataError>([&] {
                  import_texts("steam", {{"steam-200k.csv", "1,Dota 2,rent,1.0,0\n"}});
                }),
                {"steam-200k.csv:1", "behaviour", "\"rent\"", "purchase or play"});
}

TEST_CASE("amazon: ratings of both editions are one data set") {
  const std::string older =
      "A1,0001048767,5.0,1000000000\nA1,000711835X,2.0,999999999\nB22,0001048767,4.0,1\n";
  const std::string newer =
      "0001048767,A1,5.0,1000000000\n000711835X,A1,2.0,999999999\n0001048767,B22,4.0,1\n";
  ImportOptions options;
  options.purchase_rating = 4;
  const Dataset data = import_texts("amazon", {{"ratings_Books.csv", older}}, "ratings_Books.csv", options);
  CHECK(data.name == "ratings_Books");
  CHECK(data.interactions.user_ids == std::vector<std::string>{"A1", "B22"});
  CHECK(data.catalogue.ids == std::vector<std::string>{"", "0001048767", "000711835X"});
  CHECK(data.interactions.ratings == std::vector<float>{2, 5, 4});
  CHECK(data.interactions.behaviours == std::vector<std::uint8_t>{0, 1, 1});
  CHECK(data.interactions.behaviour_names == std::vector<std::string>{"click", "purchase"});
  CHECK(data.provenance.filters == "k-core=0 purchase-rating=4 duplicates=keep-all unknown-items=error");
  CHECK(import_texts("amazon", {{"Books.csv", newer}}, "Books.csv", options).fingerprint == data.fingerprint);

  const auto failure = [](const std::string& text) {
    return message_of<DataError>([&] { import_texts("amazon", {{"b.csv", text}}, "b.csv"); });
  };
  check_message(failure("A123456789,0001048767,5.0,1\n"), {"b.csv:1", "tell them apart"});
  check_message(failure("user_id,parent_asin,rating,timestamp\n"), {"b.csv:1", "a header line", "csv"});
  check_message(failure("A1,0001048767,5.0,1\nA1,00010487,5.0,1\n"), {"b.csv:2", "item", "ten characters"});
  check_message(failure("A1,0001048767,6.0,1\n"), {"b.csv:1", "rating", "6.0", "0 to 5"});
}

TEST_CASE("amazon: reviews as objects, with products") {
  const std::string old_reviews =
      "{\"reviewerID\": \"A1\", \"asin\": \"0001048767\", \"helpful\": [0, 1], \"reviewText\": \"a \\\"b\\\" "
      "}\", "
      "\"overall\": 5.0, \"unixReviewTime\": 1000000000, \"reviewTime\": \"09 9, 2001\"}\n"
      "{\"overall\": 2, \"reviewerID\": \"A1\", \"asin\": \"000711835X\", \"unixReviewTime\": 999999999}\n";
  const std::string products =
      "{\"asin\": \"0001048767\", \"title\": \"Oth\\u00e9llo \\ud83d\\ude00\", \"categories\": [[\"Books\", "
      "\"Plays\"]]}\n"
      "{'asin': '000711835X', 'categories': [['Books'], ['Used']]}\n";
  ImportOptions options;
  options.items_file = "meta.json";
  const Dataset data =
      import_texts("amazon", {{"b.json", old_reviews}, {"meta.json", products}}, "b.json", options);
  CHECK(data.catalogue.titles ==
        std::vector<std::string>{"", "Oth\xC3\xA9llo \xF0\x9F\x98\x80", "000711835X"});
  CHECK(data.catalogue.attribute_names == std::vector<std::string>{"Books", "Plays", "Used"});
  CHECK(data.catalogue.attributes == std::vector<std::int32_t>{0, 1, 0, 2});
  CHECK(data.interactions.ratings == std::vector<float>{2, 5});
  CHECK(data.interactions.times == std::vector<std::int64_t>{999999999, 1000000000});

  const std::string new_reviews =
      "{\"rating\": 5.0, \"title\": \"x\", \"images\": [{\"a\": \"]\"}], \"asin\": \"B00YQ6X8EO\", "
      "\"parent_asin\": "
      "\"B00YQ6X8EP\", \"user_id\": \"AG\", \"timestamp\": 1588687728923, \"verified_purchase\": true}\n";
  const Dataset newer = import_texts("amazon", {{"b.jsonl", new_reviews}}, "b.jsonl");
  CHECK(newer.catalogue.ids == std::vector<std::string>{"", "B00YQ6X8EP"});
  CHECK(newer.interactions.times == std::vector<std::int64_t>{1588687728});
}

TEST_CASE("objects: what is none is refused, and never read beyond its line") {
  const auto failure = [](const std::string& text) {
    return message_of<DataError>([&] {
      LineReader lines("o.json", text);
      ObjectReader objects(lines, {"a"});
      while (objects.next()) {
      }
    });
  };
  for (const char* text :
       {"{", "}", "[]", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{\"a\":1}}", "{\"a\":\"x}", "{\"a\":[1}",
        "{\"a\":1 \"b\":2}", "{\"a\":\"\\q\"}", "{\"a\":\"\\ud83d\"}", "{a:1}", "{\"a\":1,}", "{\"b\":'\\"}) {
    CAPTURE(text);
    check_message(failure(text), {"o.json:1", "no object", "JSON"});
  }
  LineReader lines("o.json",
                   "{}\n{'a': None, \"a2\": 'x'}\n{'b': {'a': 1}, \"a\" : [1, '\\'', \"]\"]}\n{'a':-1.5e3}");
  ObjectReader objects(lines, {"a"});
  REQUIRE(objects.next());
  CHECK(objects.value(0) == nullptr);
  REQUIRE(objects.next());
  CHECK(objects.value(0) == nullptr);
  REQUIRE(objects.next());
  CHECK(*objects.value(0) == "[1, '\\'', \"]\"]");
  REQUIRE(objects.next());
  CHECK(*objects.value(0) == "-1.5e3");
  CHECK_FALSE(objects.next());
}

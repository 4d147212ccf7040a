#include "tests/env/data/data_sets.h"

using namespace veer;
using namespace veer::testing;

namespace {

const std::string log_text =
    "user,item,time,rating\nbob,x,2014-04-07T10:51:09Z,5\nann,y,2014-04-07T10:51:08Z,1\n";

std::string failure(const std::string& text, const ImportOptions& options = {}) {
  return message_of<DataError>([&] {
    import_texts("csv", {{"log.csv", text}, {"items.csv", "id\nx\ny\n"}}, "log.csv", options);
  });
}

}  // namespace

TEST_CASE("csv: default columns, dates, order of ids") {
  const Dataset data = import_texts("csv", {{"log.csv", log_text}}, "log.csv");
  CHECK(data.name == "log");
  CHECK(data.interactions.user_ids == std::vector<std::string>{"ann", "bob"});
  CHECK(data.catalogue.ids == std::vector<std::string>{"", "x", "y"});
  CHECK(data.interactions.times == std::vector<std::int64_t>{1396867868, 1396867869});
  CHECK(data.interactions.ratings == std::vector<float>{1, 5});
}

TEST_CASE("csv: columns by name, delimiters, item table, milliseconds") {
  const std::string text = "ts;who;what;stars\n1396867869500;2;\"a;b\";4\n1396867869400;2;c;3\n";
  ImportOptions options;
  options.columns.user = "who";
  options.columns.item = "what";
  options.columns.time = "ts";
  options.columns.rating = "stars";
  options.columns.attributes = "kind";
  options.items_file = "items.csv";
  options.time_unit = TimeUnit::milliseconds;
  options.name = "shop";
  const std::string items =
      "id,title,kind\nc,\"C, the \"\"film\"\"\",Drama|Comedy\na;b,AB,\"['Drama', 'War']\"\n";
  const Dataset data = import_texts("csv", {{"log.csv", text}, {"items.csv", items}}, "log.csv", options);
  CHECK(data.name == "shop");
  CHECK(data.provenance.origin == "log.csv,items.csv");
  CHECK(data.catalogue.ids == std::vector<std::string>{"", "a;b", "c"});
  CHECK(data.catalogue.titles == std::vector<std::string>{"", "AB", "C, the \"film\""});
  CHECK(data.catalogue.attribute_names == std::vector<std::string>{"Drama", "War", "Comedy"});
  CHECK(data.catalogue.attributes == std::vector<std::int32_t>{0, 1, 0, 2});
  CHECK(items_of(data, 0) == std::vector<ItemId>{2, 1});

  options.delimiter = ',';
  check_message(message_of<DataError>([&] {
                  import_texts("csv", {{"log.csv", text}, {"items.csv", items}}, "log.csv", options);
                }),
                {"log.csv:1", "who", "a column \"who\""});
}

TEST_CASE("csv: what is wrong is named") {
  check_message(failure(""), {"log.csv", "header", "an empty file"});
  check_message(failure("a,b\n1,2\n"),
                {"log.csv:1", "user", "\"a, b\"", "a column user or user_id", "--user-column"});
  check_message(failure("user,,item\n"), {"log.csv:1", "header", "no name for column 2"});
  check_message(failure("user,item\n1,2,3\n"),
                {"log.csv:2", "3 fields", "2 separated by ','", "double quotes"});
  check_message(failure("user,item\n1,\n"), {"log.csv:2", "item", "an empty field"});
  check_message(failure("user,item\n1,a\x01\n"), {"log.csv:2", "item", "a\\x01", "control characters"});
  check_message(failure("user,item\n1,a\xE9\n"), {"log.csv:2", "item", "a\\xe9", "UTF-8", "iconv"});
  check_message(failure("user,item,time\n1,a,1396867869500\n"),
                {"log.csv:2", "time", "1396867869500", "unit"});
  check_message(failure("user,item,time\n1,a,-1\n"),
                {"log.csv:2", "time", "\"-1\"", "not a negative number"});
  CHECK(import_texts("csv", {{"l.csv", "user,item,time\n1,a,1969-12-31\n"}}, "l.csv").interactions.times[0] ==
        -86400);
  check_message(failure("user,item,rating\n1,a,inf\n"), {"log.csv:2", "rating", "\"inf\""});
  check_message(failure("user,item\n"), {"log.csv", "no interactions"});
  ImportOptions with_items;
  with_items.items_file = "items.csv";
  check_message(failure("user,item\n1,z\n", with_items), {"log.csv:2", "item", "\"z\"", "items.csv"});
  ImportOptions rating;
  rating.min_rating = 3;
  check_message(message_of<ConfigError>([&] {
                  import_texts("csv", {{"l.csv", "user,item\n1,z\n"}}, "l.csv", rating);
                }),
                {"min-rating", "without ratings"});
  check_message(message_of<ConfigError>([&] { import_dataset("csv", "/tmp"); }), {"a directory"});
}

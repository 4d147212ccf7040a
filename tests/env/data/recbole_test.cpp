#include "tests/env/data/data_sets.h"

using namespace veer;
using namespace veer::testing;

namespace {

const std::string inter =
    "user_id:token\titem_id:token\trating:float\ttimestamp:float\nu2\ti1\t3\t10\nu1\ti2\t4.5\t9."
    "75\nu1\ti1\t1\t9.5\n";

std::string failure(const std::string& text, const std::string& items = "item_id:token\ni1\ni2\n") {
  return message_of<DataError>([&] {
    import_texts("recbole", {{"x.inter", text}, {"x.item", items}}, "x.inter");
  });
}

}  // namespace

TEST_CASE("recbole: tabs, fractions of seconds order, genres as words or as a Python list") {
  const std::string words =
      "item_id:token\tmovie_title:token_seq\tgenre:token_seq\ni1\tToy Story\tAnimation "
      "Children's\ni2\tHeat\tAction\n";
  const Dataset data = import_texts("recbole", {{"x.inter", inter}, {"x.item", words}}, "x.inter");
  CHECK(data.name == "x");
  CHECK(data.interactions.user_ids == std::vector<std::string>{"u1", "u2"});
  CHECK(items_of(data, 0) == std::vector<ItemId>{1, 2});
  CHECK(data.interactions.times == std::vector<std::int64_t>{9, 9, 10});
  CHECK(data.interactions.ratings == std::vector<float>{1, 4.5F, 3});
  CHECK(data.catalogue.titles == std::vector<std::string>{"", "Toy Story", "Heat"});
  CHECK(data.catalogue.attribute_names == std::vector<std::string>{"Animation", "Children's", "Action"});

  const std::string list =
      "item_id:token\tgenres:token_seq\ni1\t['Animation', \"Children's\"]\ni2\t['Action']\n";
  const Dataset other = import_texts("recbole", {{"x.inter", inter}, {"x.item", list}});
  CHECK(other.catalogue.attribute_names == data.catalogue.attribute_names);
  CHECK(other.catalogue.titles == std::vector<std::string>{"", "i1", "i2"});
}

TEST_CASE("recbole: commas with quoted fields, other column names, no times") {
  const std::string log = "user_id:token,product_id:token,session_id:token\n7,30,1\n7,4,1\n7,30,2\n";
  const std::string items =
      "product_id:token,title:token,genres:token_seq\n4,\"Usual Suspects, The (1995)\",Crime "
      "Thriller\n30,B,Crime\n";
  ImportOptions options;
  options.columns.item = "product_id";
  check_message(message_of<DataError>([&] {
                  import_texts("recbole", {{"p.inter", log}, {"p.item", items}}, "", options);
                }),
                {"p.inter:4", "item", "again, the same as on line 2", "keep-all"});
  options.duplicates = Duplicates::keep_all;
  const Dataset data = import_texts("recbole", {{"p.inter", log}, {"p.item", items}}, "", options);
  CHECK(data.catalogue.ids == std::vector<std::string>{"", "4", "30"});
  CHECK(data.catalogue.titles[1] == "Usual Suspects, The (1995)");
  CHECK(items_of(data, 0) == std::vector<ItemId>{2, 1, 2});
  CHECK(data.interactions.times.empty());
  CHECK(data.interactions.ratings.empty());
}

TEST_CASE("recbole: headers and rows that are wrong") {
  check_message(failure(""), {"x.inter", "header", "an empty file", "user_id:token"});
  check_message(failure("user_id\titem_id\n"), {"x.inter:1", "header", "\"user_id\"", "column:type", "csv"});
  check_message(failure("user_id:token\titem_id:text\n"), {"x.inter:1", "\"item_id:text\"", "float_seq"});
  check_message(failure("user_id:token\tmovie:token\n"),
                {"x.inter:1", "item", "\"user_id, movie\"", "a column item_id"});
  check_message(failure("user_id:token\tuser_id:token\n"), {"x.inter:1", "\"user_id\" twice"});
  check_message(failure("user_id:float\titem_id:token\n"),
                {"x.inter:1", "\"user_id\" of type float", "token"});
  check_message(failure("user_id:token\titem_id:token\nu1\n"),
                {"x.inter:2", "1 field;", "2 separated by tab: user_id, item_id"});
  check_message(failure("user_id:token\titem_id:token\nu1\t\n"), {"x.inter:2", "item_id", "an empty field"});
  check_message(failure("user_id:token\titem_id:token\nu1\ti9\n"),
                {"x.inter:2", "item_id", "\"i9\"", "an item of x.item"});
  check_message(failure("user_id:token\titem_id:token\n"), {"x.inter", "no interactions"});
  check_message(failure(inter, "item_id:token\tgenres:token_seq\ni1\t['a'\ni2\tb\n"),
                {"x.item:2", "genres", "quoted texts"});
  check_message(failure(inter, "item_id:token\tt:token\ni1\ti2\n"), {"\"i2\"", "an item of x.item"});
}

TEST_CASE("recbole: equal repeats of an item are one item, others follow the option") {
  const std::string same = "item_id:token\ttitle:token\ni1\tA\ni2\tB\ni1\tA\n";
  CHECK(import_texts("recbole", {{"x.inter", inter}, {"x.item", same}}).catalogue.titles[1] == "A");
  const std::string other = "item_id:token\ttitle:token\ni1\tA\ni2\tB\ni1\tC\n";
  check_message(failure(inter, other), {"x.item:4", "\"i1\" again", "line 2"});
  ImportOptions options;
  options.duplicates = Duplicates::keep_last;
  CHECK(import_texts("recbole", {{"x.inter", inter}, {"x.item", other}}, "", options).catalogue.titles[1] ==
        "C");
}

TEST_CASE("recbole: which file, and the users") {
  check_message(message_of<DataError>([] {
                  import_texts("recbole", {{"a.inter", inter}, {"b.inter", inter}});
                }),
                {"2 .inter files", "name one"});
  check_message(message_of<DataError>([] {
                  import_texts("recbole", {{"a.csv", inter}});
                }),
                {"no .inter file"});
  check_message(message_of<DataError>([] {
                  import_texts("recbole", {{"a.csv", inter}}, "a.csv");
                }),
                {"another file"});
  CHECK(import_texts("recbole", {{"a.inter", inter}, {"b.inter", inter}}, "b.inter").name == "b");
  const std::string people = "user_id:token\tage:float\nu1\t1\n";
  check_message(message_of<DataError>([&] {
                  import_texts("recbole", {{"a.inter", inter}, {"a.user", people}});
                }),
                {"a.inter:2", "user_id", "\"u2\"", "a user of a.user"});
}

// Order, duplicates, filters and numbering: what all importers share.
#include "env/data/importers/importer.h"

#include "env/data/check.h"
#include "env/data/fingerprint.h"
#include "tests/env/data/data_sets.h"

using namespace veer;
using namespace veer::testing;

namespace {

Dataset import_rows(const std::string& rows, const ImportOptions& options = {}) {
  return import_texts("csv", {{"log.csv", "user,item,time,rating\n" + rows}}, "log.csv", options);
}

ImportOptions with_duplicates(Duplicates duplicates) {
  ImportOptions options;
  options.duplicates = duplicates;
  return options;
}

}  // namespace

TEST_CASE("duplicates: same user, item and time; ratings tell which one stayed") {
  const std::string rows = "1,7,5,1\n1,8,5,2\n1,7,5,3\n1,7,6,4\n2,7,5,5\n1,7,5,2\n";
  check_message(message_of<DataError>([&] { import_rows(rows); }),
                {"log.csv:4", "user \"1\" with item \"7\" at the same time as on line 2"});
  const auto ratings_of = [&](Duplicates duplicates) {
    return import_rows(rows, with_duplicates(duplicates)).interactions.ratings;
  };
  CHECK(ratings_of(Duplicates::keep_all) == std::vector<float>{1, 2, 3, 2, 4, 5});
  CHECK(ratings_of(Duplicates::keep_first) == std::vector<float>{1, 2, 4, 5});
  CHECK(ratings_of(Duplicates::keep_last) == std::vector<float>{2, 2, 4, 5});
}

TEST_CASE("ids: numbers by value, other texts by bytes") {
  const Dataset numbers = import_rows("10,100,1,1\n9,20,1,1\n10,3,2,1\n");
  CHECK(numbers.interactions.user_ids == std::vector<std::string>{"9", "10"});
  CHECK(numbers.catalogue.ids == std::vector<std::string>{"", "3", "20", "100"});
  const Dataset texts = import_rows("b10,100,1,1\nb9,020,1,1\n");
  CHECK(texts.interactions.user_ids == std::vector<std::string>{"b10", "b9"});
  CHECK(texts.catalogue.ids == std::vector<std::string>{"", "020", "100"});
}

TEST_CASE("the order of the file changes nothing but ties") {
  const Dataset one = import_rows("1,7,5,1\n1,8,6,2\n2,7,1,3\n2,9,2,3\n");
  const Dataset two = import_rows("2,9,2,3\n1,8,6,2\n2,7,1,3\n1,7,5,1\n");
  CHECK(one.fingerprint == two.fingerprint);
  const Dataset tie = import_rows("1,7,5,1\n1,8,5,2\n");
  const Dataset reversed = import_rows("1,8,5,2\n1,7,5,1\n");
  CHECK(items_of(tie, 0) == std::vector<ItemId>{1, 2});
  CHECK(items_of(reversed, 0) == std::vector<ItemId>{2, 1});
  CHECK(tie.fingerprint != reversed.fingerprint);
}

TEST_CASE("filters: rating first, then the core; empty results are errors") {
  // Without row 3 (rating 1), user 2 has one interaction left and falls, and with it item 9.
  const std::string rows = "1,7,1,5\n1,8,2,5\n2,7,1,1\n2,9,2,5\n3,7,1,4\n3,8,2,5\n";
  ImportOptions options;
  options.min_rating = 4;
  options.k_core = 2;
  const Dataset data = import_rows(rows, options);
  CHECK(data.interactions.user_ids == std::vector<std::string>{"1", "3"});
  CHECK(data.catalogue.ids == std::vector<std::string>{"", "7", "8"});
  CHECK(data.provenance.filters == "k-core=2 min-rating=4 duplicates=error unknown-items=error");
  CHECK_FALSE(find_fault(data).has_value());

  options.item_core = 1;
  CHECK(import_rows(rows, options).provenance.filters ==
        "user-core=2 item-core=1 min-rating=4 duplicates=error unknown-items=error");
  options.k_core = 3;
  check_message(message_of<DataError>([&] { import_rows(rows, options); }),
                {"log.csv", "nothing left of 6 interactions", "user-core=3", "lower k-core"});
  options.user_core = -1;
  check_message(message_of<ConfigError>([&] { import_rows(rows, options); }), {"user-core", "-1"});
}

TEST_CASE("fingerprint: every part of the content counts, names and provenance do not") {
  const Dataset original = small_movielens();
  CHECK(fingerprint_of(original) == original.fingerprint);
  // Fixed for ever: models and runs on disk hold it.
  CHECK(original.fingerprint == "5ab8c7966c77d67981194f31edaad103dc39a755b947e816211f799273a9b777");

  const auto changed = [&](const std::function<void(Dataset&)>& change) {
    Dataset data = original;
    change(data);
    return fingerprint_of(data) != original.fingerprint;
  };
  CHECK(changed([](Dataset& d) { d.catalogue.ids[1] = "x"; }));
  CHECK(changed([](Dataset& d) { d.catalogue.titles[1] += "."; }));
  CHECK(changed([](Dataset& d) { d.catalogue.attribute_names[0] = "x"; }));
  CHECK(changed([](Dataset& d) { d.catalogue.attributes[0] = 2; }));
  CHECK(changed([](Dataset& d) { d.catalogue.attribute_offsets[2] = 1; }));
  CHECK(changed([](Dataset& d) { d.interactions.user_ids[0] = "x"; }));
  CHECK(changed([](Dataset& d) { d.interactions.offsets[1] = 2; }));
  CHECK(changed([](Dataset& d) { std::swap(d.interactions.items[0], d.interactions.items[1]); }));
  CHECK(changed([](Dataset& d) { d.interactions.times[0] = 0; }));
  CHECK(changed([](Dataset& d) { d.interactions.times.clear(); }));
  CHECK(changed([](Dataset& d) { d.interactions.ratings[0] = 0; }));
  CHECK(changed([](Dataset& d) { d.parts[0] = Part::test; }));
  CHECK(changed([](Dataset& d) {
    d.interactions.behaviour_names = {"click"};
    d.interactions.behaviours.assign(5, 0);
  }));
  CHECK_FALSE(changed([](Dataset& d) { d.name = "x"; }));
  CHECK_FALSE(changed([](Dataset& d) { d.provenance.filters = "x"; }));
  CHECK_FALSE(changed([](Dataset& d) { d.split_seed = 99; }));
}

TEST_CASE("fingerprint: kinds of interaction and their names count where there are any") {
  ImportOptions options;
  options.purchase_rating = 4;
  const Dataset original = small_movielens(options);
  CHECK(original.fingerprint != small_movielens().fingerprint);
  Dataset other = original;
  other.interactions.behaviours[0] ^= 1U;
  CHECK(fingerprint_of(other) != original.fingerprint);
  other = original;
  other.interactions.behaviour_names[1] = "sale";
  CHECK(fingerprint_of(other) != original.fingerprint);
}

TEST_CASE("behaviours: a column of kinds, numbered as they come; kinds tell duplicates apart") {
  ImportOptions options;
  options.columns.behaviour = "kind";
  const auto import_kinds = [&](const std::string& rows) {
    return import_texts("csv", {{"log.csv", "user,item,time,kind\n" + rows}}, "log.csv", options);
  };
  const Dataset data = import_kinds("2,7,5,view\n1,7,5,buy\n1,8,4,view\n1,7,5,view\n");
  CHECK(data.interactions.behaviour_names == std::vector<std::string>{"view", "buy"});
  CHECK(data.interactions.behaviours == std::vector<std::uint8_t>{0, 1, 0, 0});
  check_message(message_of<DataError>([&] { import_kinds("1,7,5,buy\n1,7,5,view\n1,7,5,buy\n"); }),
                {"log.csv:4", "at the same time as on line 2"});
  check_message(message_of<DataError>([&] { import_kinds("1,7,5,\n"); }), {"log.csv:2", "kind", "empty"});
  std::string many;
  for (int kind = 0; kind < 256; ++kind)
    many += "1,7," + std::to_string(kind) + ",k" + std::to_string(kind) + "\n";
  check_message(message_of<DataError>([&] { import_kinds(many); }),
                {"log.csv:257", "kind", "\"k255\"", "at most 255 kinds"});
  options.purchase_rating = 3;
  check_message(message_of<ConfigError>([&] { import_kinds("1,7,5,buy\n"); }),
                {"purchase-rating", "without ratings"});
  options.columns.rating = "time";
  check_message(message_of<ConfigError>([&] { import_kinds("1,7,5,buy\n"); }),
                {"purchase-rating", "kinds of behaviour of its own"});
  const Dataset recbole = import_texts(
      "recbole", {{"t.inter", "user_id:token\titem_id:token\tkind:token\n1\t2\tbuy\n"}}, "t.inter", [] {
        ImportOptions named;
        named.columns.behaviour = "kind";
        return named;
      }());
  CHECK(recbole.interactions.behaviour_names == std::vector<std::string>{"buy"});
}

TEST_CASE("behaviours: by the rating, at the threshold and above") {
  ImportOptions options;
  options.purchase_rating = 3;
  const Dataset data = import_rows("1,7,1,3\n1,8,2,2.5\n1,9,3,4\n", options);
  CHECK(data.interactions.behaviour_names == std::vector<std::string>{"click", "purchase"});
  CHECK(data.interactions.behaviours == std::vector<std::uint8_t>{1, 0, 1});
  CHECK(data.interactions.ratings == std::vector<float>{3, 2.5, 4});
}

TEST_CASE("filters that run once leave what k-core would not") {
  // User 3 has one row; without it item 9 has two rows, of users 1 and 2; item 8 has one and falls.
  const std::string rows = "1,9,1,5\n1,8,2,5\n2,9,1,5\n2,7,2,5\n2,7,3,5\n3,8,1,4\n";
  ImportOptions options;
  options.min_session = 2;
  options.min_item = 2;
  const Dataset data = import_rows(rows, options);
  CHECK(data.interactions.user_ids == std::vector<std::string>{"1", "2"});
  CHECK(data.catalogue.ids == std::vector<std::string>{"", "7", "9"});
  CHECK(items_of(data, 0) == std::vector<ItemId>{2});
  CHECK(data.provenance.filters ==
        "k-core=0 min-session=2 min-item=2 filter-order=sessions-first duplicates=error unknown-items=error");
  options.min_item = -1;
  check_message(message_of<ConfigError>([&] { import_rows(rows, options); }), {"min-item", "-1"});
}

TEST_CASE("split by time: said in the filters, and by the last interaction") {
  std::string rows;
  for (int user = 1; user <= 10; ++user)
    rows += std::to_string(user) + ",7," + std::to_string(100 - user) + ",5\n" + std::to_string(user) +
            ",8,1,5\n";
  ImportOptions options;
  options.split = Split::chronological;
  const Dataset data = import_rows(rows, options);
  CHECK(data.parts[0] == Part::test);
  CHECK(data.parts[1] == Part::validation);
  CHECK(data.users_of(Part::train_plan).size() == 4);
  CHECK(data.provenance.filters == "k-core=0 duplicates=error unknown-items=error split=chronological");
}

TEST_CASE("bad lines: unknown items and duplicates behind them are named by their own line") {
  ImportOptions options;
  options.skip_bad = true;
  options.items_file = "items.csv";
  ImportReport report;
  const auto import_with = [&](const std::string& rows) {
    const std::string text = "user,item,time\n" + rows;
    const std::vector<SourceText> files = {{"log.csv", text}, {"items.csv", "id\n7\n8\n"}};
    return import_from_memory("csv", files, "log.csv", options, &report);
  };
  CHECK(import_with("1,7,1\n1,9,2\n1,9,3\n1,8,4\n").interactions.size() ==
        2);  // the second 9 is unknown, too
  REQUIRE(report.skipped.size() == 1);
  CHECK(report.skipped[0].lines == 2);
  check_message(report.skipped[0].first, {"log.csv:3", "item", "\"9\"", "items.csv"});
  check_message(message_of<DataError>([&] { import_with("1,7,1\nx\n1,8,3\nx\ny\n1,8,3\n"); }),
                {"log.csv:7", "as on line 4"});
}

TEST_CASE("options: words and back") {
  for (const Duplicates value :
       {Duplicates::error, Duplicates::keep_all, Duplicates::keep_first, Duplicates::keep_last}) {
    CHECK(duplicates_from(name_of(value)) == value);
  }
  for (const UnknownItems value : {UnknownItems::error, UnknownItems::keep, UnknownItems::drop}) {
    CHECK(unknown_items_from(name_of(value)) == value);
  }
  for (const TimeUnit value :
       {TimeUnit::seconds, TimeUnit::milliseconds, TimeUnit::microseconds, TimeUnit::nanoseconds}) {
    CHECK(time_unit_from(name_of(value)) == value);
  }
  for (const FilterOrder value : {FilterOrder::sessions_first, FilterOrder::items_first})
    CHECK(filter_order_from(name_of(value)) == value);
  for (const Split value : {Split::seeded, Split::chronological}) CHECK(split_from(name_of(value)) == value);
  CHECK_FALSE(duplicates_from("keep").has_value());
  CHECK(import_formats().size() == 10);
}

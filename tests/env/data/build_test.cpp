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
  CHECK_FALSE(changed([](Dataset& d) { d.name = "x"; }));
  CHECK_FALSE(changed([](Dataset& d) { d.provenance.filters = "x"; }));
  CHECK_FALSE(changed([](Dataset& d) { d.split_seed = 99; }));
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
  CHECK_FALSE(duplicates_from("keep").has_value());
  CHECK(import_formats().size() == 9);
}

// Sessions as text, and prefixes with targets.
#include "env/data/check.h"
#include "tests/env/data/data_sets.h"

using namespace veer;
using namespace veer::testing;

namespace {

Dataset import_sessions(const std::string& text, const ImportOptions& options = {}) {
  return import_texts("sessions", {{"train.txt", text}}, "train.txt", options);
}

std::string failure(const std::string& text) {
  return message_of<DataError>([&] { import_sessions(text); });
}

}  // namespace

TEST_CASE("sessions: one a line, called by its line; repeats stay; sessions of one click too") {
  const Dataset data = import_sessions("1 2 1 1\n10\n3  4 3 \n");
  CHECK(data.name == "train");
  CHECK(data.interactions.user_ids == std::vector<std::string>{"1", "2", "3"});
  CHECK(data.catalogue.ids == std::vector<std::string>{"", "1", "2", "3", "4", "10"});
  CHECK(items_of(data, 0) == std::vector<ItemId>{1, 2, 1, 1});
  CHECK(items_of(data, 1) == std::vector<ItemId>{5});
  CHECK(items_of(data, 2) == std::vector<ItemId>{3, 4, 3});
  CHECK(data.interactions.times.empty());
  CHECK(data.interactions.behaviour_names.empty());
  CHECK_FALSE(find_fault(data).has_value());
  // An id beyond every integer type is a name like any other, and numbers go on ordering by value.
  CHECK(import_sessions("99999999999999999999999999 2\n98999999999999999999999999 18446744073709551615\n")
            .catalogue.ids == std::vector<std::string>{"", "2", "18446744073709551615",
                                                       "98999999999999999999999999",
                                                       "99999999999999999999999999"});
}

TEST_CASE("sessions: prefixes with targets, one session for all its prefixes") {
  const Dataset plain = import_texts(
      "sessions", {{"test.tsv", "target\tprefix\n4\t1 2 3\n3\t1 2\n2\t1\n2\t9 9\n9\t9\n2\t1\n"}}, "test.tsv");
  REQUIRE(plain.interactions.users() == 3);
  CHECK(plain.interactions.user_ids == std::vector<std::string>{"2", "5", "7"});
  CHECK(items_of(plain, 0) == std::vector<ItemId>{1, 2, 3, 4});
  CHECK(items_of(plain, 1) == std::vector<ItemId>{5, 5, 2});
  CHECK(items_of(plain, 2) == std::vector<ItemId>{1, 2});
  const Dataset wide = import_texts(
      "sessions",
      {{"t.tsv", "session_id\ttarget_time\ttarget\tprefix\n7\t1441940543\t16\t16 16\n7\t9\t16\t16\n"}},
      "t.tsv");
  CHECK(wide.interactions.users() == 1);
  CHECK(wide.interactions.size() == 3);
}

TEST_CASE("sessions: what is wrong is named") {
  check_message(failure("1 2\n1,2,3\n"), {"train.txt:2", "item", "\"1,2,3\"", "separated by blanks", "csv"});
  check_message(failure("1\t2\n"), {"train.txt:1", "\"1\\t2\"", "separated by blanks"});
  check_message(failure("1 2\n   \n"), {"train.txt:2", "a line of blanks"});
  check_message(failure("1 2\n\n1 2\n"), {"train.txt:2", "an empty line"});
  check_message(failure("target\tprefix\n4\n"), {"train.txt:2", "1 field", "2 separated by tab"});
  check_message(failure("target\tprefix\n4 5\t1\n"), {"train.txt:2", "target", "\"4 5\"", "one item id"});
  check_message(failure("target\tprefix\n4\t\n"), {"train.txt:2", "prefix"});
  check_message(message_of<ConfigError>([] { import_dataset("sessions", "/tmp"); }), {"a directory"});

  ImportOptions options;
  options.skip_bad = true;
  const Dataset data = import_sessions("1 2\n\n1,2\n3\n", options);
  CHECK(data.interactions.user_ids == std::vector<std::string>{"1", "4"});
  options = {};
  options.split = Split::chronological;
  check_message(message_of<ConfigError>([&] { import_sessions("1 2\n", options); }),
                {"split", "without times"});
  options = {};
  options.purchase_rating = 1;
  check_message(message_of<ConfigError>([&] { import_sessions("1 2\n", options); }),
                {"purchase-rating", "without ratings"});
}

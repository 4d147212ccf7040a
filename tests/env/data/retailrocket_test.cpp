// events.csv in the published form: kinds of events, and both orders of the filters by hand.
#include "env/data/check.h"
#include "tests/env/data/data_sets.h"

using namespace veer;
using namespace veer::testing;

namespace {

const std::string header = "timestamp,visitorid,event,itemid,transactionid\n";

// Visitor 1: a view, a cart, a transaction of item 10, then views of 20 and 30, out of order in the file.
// Visitor 2: three views, of 10, 20 and 40. Visitor 3: two views of 10. Visitor 4: 20, 10, 10.
const std::string events = header +
                           "1433221332117,1,view,10,\n"
                           "1433221332118,1,addtocart,10,\n"
                           "1433221332119,1,transaction,10,4000\n"
                           "1433221339000,1,view,30,\n"
                           "1433221338000,1,view,20,\n"
                           "1433221332117,2,view,10,\n"
                           "1433221332117,2,view,20,\n"
                           "1433221332117,2,view,40,\n"
                           "1433221332117,3,view,10,\n"
                           "1433221332118,3,view,10,\n"
                           "1433221332117,4,view,20,\n"
                           "1433221333117,4,addtocart,10,\n"
                           "1433221334117,4,view,10,\n";

Dataset import_events(const std::string& text, const ImportOptions& options = {},
                      ImportReport* report = nullptr) {
  const std::vector<SourceText> files = {{"events.csv", text}};
  return import_from_memory("retailrocket", files, "", options, report);
}

std::string failure(const std::string& rows) {
  return message_of<DataError>([&] { import_events(header + rows); });
}

}  // namespace

TEST_CASE(
    "retailrocket: views are clicks, carts are purchases, transactions fall; visitors first, then items") {
  const Dataset data = import_events(events);
  // Visitor 3 has two events. Then 30 and 40 have one event each and 20 has three; 10 has five.
  CHECK(data.interactions.user_ids == std::vector<std::string>{"1", "2", "4"});
  CHECK(data.catalogue.ids == std::vector<std::string>{"", "10", "20"});
  CHECK(items_of(data, 0) == std::vector<ItemId>{1, 1, 2});
  CHECK(items_of(data, 1) == std::vector<ItemId>{1, 2});  // fewer than three: the filters run once
  CHECK(items_of(data, 2) == std::vector<ItemId>{2, 1, 1});
  CHECK(data.interactions.behaviour_names == std::vector<std::string>{"click", "purchase"});
  CHECK(data.interactions.behaviours == std::vector<std::uint8_t>{0, 1, 0, 0, 0, 0, 1, 0});
  CHECK(data.interactions.times[0] == 1433221332);
  CHECK(data.provenance.filters ==
        "k-core=0 min-session=3 min-item=3 filter-order=sessions-first duplicates=keep-all "
        "unknown-items=error");
  CHECK_FALSE(find_fault(data).has_value());
}

TEST_CASE("retailrocket: items first") {
  ImportOptions options;
  options.filter_order = FilterOrder::items_first;
  const Dataset data = import_events(events, options);
  // 30 and 40 fall; visitor 2 is left with two events, and falls as visitor 3 does.
  CHECK(data.interactions.user_ids == std::vector<std::string>{"1", "4"});
  CHECK(data.catalogue.ids == std::vector<std::string>{"", "10", "20"});
  CHECK(data.catalogue.popularity == std::vector<std::int64_t>{0, 4, 2});
}

TEST_CASE("retailrocket: no filters keep everyone, also sessions of one event") {
  ImportOptions options;
  options.min_session = 0;
  options.min_item = 0;
  const Dataset data = import_events(events + "1433221332117,5,view,50,\n", options);
  CHECK(data.interactions.users() == 5);
  CHECK(data.interactions.size() == 13);
  CHECK(data.provenance.filters == "k-core=0 duplicates=keep-all unknown-items=error");
}

TEST_CASE("retailrocket: what is wrong is named") {
  check_message(failure("1433221332117,1,like,10,\n"),
                {"events.csv:2", "event", "\"like\"", "view, addtocart or transaction"});
  check_message(failure("1433221332117,1,view,99999999999999999999,\n"),
                {"events.csv:2", "itemid", "\"99999999999999999999\"", "from 0 to 9223372036854775807"});
  check_message(failure("1433221332117,01,view,10,\n"), {"visitorid", "\"01\"", "without leading zeros"});
  check_message(failure("1433221332117,1,view,10,77\n"), {"events.csv:2", "transactionid", "\"77\""});
  check_message(failure("1433221332117,1,transaction,10,\n"), {"transactionid", "\"\""});
  check_message(failure("-1,1,view,10,\n"), {"events.csv:2", "timestamp", "\"-1\"", "not a negative number"});
  check_message(failure("99999999999999999,1,view,10,\n"),
                {"events.csv:2", "timestamp", "99999999999999999"});
  check_message(failure("1433221332117;1;view;10;\n"), {"events.csv:2", "1 field", "5 separated by ','"});
  check_message(message_of<DataError>([] { import_events("timestamp,visitorid,event,itemid\n"); }),
                {"events.csv:1", "transactionid", "timestamp, visitorid, event, itemid"});
  check_message(message_of<DataError>([] { import_events(""); }), {"events.csv", "header", "an empty file"});
  check_message(message_of<IoError>([] { import_from_memory("retailrocket", {}, ""); }), {"events.csv"});
}

TEST_CASE(
    "bad lines: counted by reason, the first of each shown; what is left is as if they had not been there") {
  ImportOptions options;
  options.skip_bad = true;
  ImportReport report;
  const std::string bad =
      "1433221332117,1,like,10,\n\n\n1433221332117,1,view,,\nx,1,view,10,\n1,2\n"
      "1433221332117,9,love,10,\n";
  const Dataset data = import_events(events + bad + "1433221334117,4,view,20,\n", options, &report);
  const Dataset clean = import_events(events + "1433221334117,4,view,20,\n");
  CHECK(data.fingerprint == clean.fingerprint);
  CHECK(data.provenance.filters == clean.provenance.filters + " skipped-lines=6");
  REQUIRE(report.skipped.size() == 5);
  CHECK(report.skipped[0].reason == "event: expected view, addtocart or transaction");
  CHECK(report.skipped[0].lines == 2);
  check_message(report.skipped[0].first, {"events.csv:15", "\"like\""});
  check_message(report.skipped[1].first, {"events.csv:16", "an empty line"});
  CHECK(report.skipped[1].lines == 1);
  check_message(report.skipped[2].first, {"events.csv:18", "itemid", "\"\"", "an integer"});
  check_message(report.skipped[3].first, {"events.csv:19", "timestamp", "\"x\""});
  check_message(report.skipped[4].first, {"events.csv:20", "2 fields"});

  // A file of nothing but bad lines is an error that shows one of them.
  check_message(message_of<DataError>([&] { import_events(header + "1,2\n3\n", options); }),
                {"no interactions but 2 bad lines", "events.csv:2", "2 fields"});
  // What is no text of lines is never skipped.
  check_message(message_of<DataError>([&] { import_events(events + std::string("a\0b\n", 4), options); }),
                {"a NUL byte"});
}

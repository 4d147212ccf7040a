// Windows of sequences: joined as far as they overlap, with titles and attributes from the maps.
#include "env/data/check.h"
#include "env/data/importers/window_chains.h"
#include "tests/env/data/data_sets.h"

using namespace veer;
using namespace veer::testing;
using importers::join_windows;
using importers::Window;

namespace {

using Items = std::vector<std::int32_t>;

Window window(const Items& history, const Items& path) {
  Items items = history;
  items.insert(items.end(), path.begin(), path.end());
  return {items, history.size()};
}

const std::string windows =
    R"([{"user": "ann", "inters": ["1", "2", "3"], "proc_path": ["4", "5"]},
        {"user": "bob", "inters": ["7", "1"], "proc_path": ["2"]},
        {"user": "ann", "inters": ["4", "5", "6"], "proc_path": ["7", "8"]},
        {"user": "bob", "inters": ["9", "9"], "proc_path": ["3"]}])";
const std::string maps =
    R"({"item2id": {"1": 3, "2": 5, "3": 4, "4": 1, "5": 2, "6": 6, "7": 7, "8": 8, "9": 9},
        "id2item": {"3": "1", "5": "2", "4": "3", "1": "4", "2": "5", "6": "6", "7": "7", "8": "8", "9": "9"},
        "itemid2title": {"3": "One", "5": "Two\n2"}, "id2attribute": {"1": "Comedy", "2": "War"},
        "raw_item_id2attribute": {"1": [2, 1], "2": [1], "3": [77]}})";

}  // namespace

TEST_CASE("windows: the longest overlap joins, in any order of the windows") {
  // 0 1 2 [3 4] 5 6 [7 8] 9: windows with three items of history.
  const Window first = window({0, 1, 2}, {3, 4});
  const Window second = window({4, 5, 6}, {7, 8});
  const Window third = window({6, 7, 8}, {9, 10});
  const std::vector<Items> whole = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}};
  CHECK(join_windows(std::vector{first, second, third}) == whole);
  CHECK(join_windows(std::vector{third, first, second}) == whole);
  CHECK(join_windows(std::vector{second, third, first}) == whole);
  CHECK(join_windows(std::vector{first, third}) == std::vector<Items>{{0, 1, 2, 3, 4}, {6, 7, 8, 9, 10}});
  CHECK(join_windows(std::vector<Window>{}).empty());
}

TEST_CASE("windows: overlaps lie in the history of the window behind, and rings do not close") {
  // The whole of {1 2 3 4} but its first item begins the other, but only two of these are history there.
  CHECK(join_windows(std::vector{window({1, 2}, {3, 4}), window({2, 3}, {4, 9})}) ==
        std::vector<Items>{{1, 2, 3, 4}, {2, 3, 4, 9}});
  // Either could follow the other; the first by place begins.
  CHECK(join_windows(std::vector{window({1}, {2}), window({2}, {1})}) == std::vector<Items>{{1, 2, 1}});
  // Twice the same window: no part of it but the whole overlaps.
  CHECK(join_windows(std::vector{window({1, 2}, {3}), window({1, 2}, {3})}).size() == 2);
  // Two could follow: the longer overlap wins, and the other stands apart.
  CHECK(join_windows(std::vector{window({1, 2}, {3, 4}), window({4, 8}, {9}), window({3, 4}, {5})}) ==
        std::vector<Items>{{1, 2, 3, 4, 5}, {4, 8, 9}});
}

TEST_CASE("prorl: people, parts of people, titles, attributes") {
  const Dataset data = import_texts("prorl", {{"toy.val", windows}, {"toy.datamaps", maps}}, "toy.val");
  CHECK(data.name == "toy");
  CHECK(data.interactions.user_ids == std::vector<std::string>{"ann", "bob/1", "bob/2"});
  CHECK(data.catalogue.ids == std::vector<std::string>{"", "1", "2", "3", "4", "5", "6", "7", "8", "9"});
  CHECK(data.catalogue.titles ==
        std::vector<std::string>{"", "One", "Two 2", "3", "4", "5", "6", "7", "8", "9"});
  CHECK(data.catalogue.attribute_names == std::vector<std::string>{"War", "Comedy", "77"});
  CHECK(items_of(data, 0) == std::vector<ItemId>{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(items_of(data, 2) == std::vector<ItemId>{9, 9, 3});
  CHECK_FALSE(find_fault(data).has_value());
  // Two people, though three sequences: too few to hold any out, and one half of the people has both of
  // bob's.
  CHECK(data.parts[1] == data.parts[2]);
  CHECK(data.parts[0] != data.parts[1]);
  CHECK(data.parts[0] <= Part::train_judge);

  // Windows that hold the numbers of the items: titles come by id2item's keys.
  const std::string numbered =
      R"({"item2id": {"x": 1, "y": 2, "z": 3}, "id2item": {"1": "x", "2": "y", "3": "z", "4": "",
          "5": "", "6": "", "7": "", "8": "", "9": ""}, "itemid2title": {"1": "X"}})";
  ImportOptions keep;
  keep.unknown_items = UnknownItems::keep;
  CHECK(import_texts("prorl", {{"toy.val", windows}, {"toy.datamaps", numbered}}, "toy.val", keep)
            .catalogue.titles[1] == "X");
  check_message(message_of<DataError>([&] {
                  import_texts("prorl", {{"toy.val", windows}, {"toy.datamaps", numbered}}, "toy.val");
                }),
                {"toy.val", "item", "\"4\"", "toy.datamaps"});
  CHECK(import_texts("prorl", {{"toy.val", windows}}, "toy.val").catalogue.titles[1] == "1");
  ImportOptions strict;
  strict.duplicates = Duplicates::error;
  check_message(message_of<DataError>([&] {
                  import_texts("prorl", {{"toy.val", windows}}, "toy.val", strict);
                }),
                {"toy.val: item", "user \"bob/2\" with item \"9\" again; expected"});
}

TEST_CASE("prorl: what is wrong is named") {
  const auto failure = [](const std::string& text) {
    return message_of<DataError>([&] { import_texts("prorl", {{"toy.val", text}}, "toy.val"); });
  };
  check_message(failure("[{\"user\": "), {"toy.val", "no JSON at byte", "complete"});
  check_message(failure("{}"), {"toy.val", "a JSON object", "a JSON list"});
  check_message(failure("[1]"), {"toy.val", "user", "record 1"});
  check_message(failure(R"([{"user": "a", "inters": ["1"], "proc_path": []}])"),
                {"proc_path", "no list in record 1"});
  check_message(failure(R"([{"user": "a", "inters": [1], "proc_path": ["2"]}])"),
                {"inters", "number in record 1"});
  check_message(failure("[]"), {"toy.val", "no interactions"});
  check_message(message_of<DataError>([] { import_texts("prorl", {{"x.json", "[]"}}, "x.json"); }), {".val"});
  ImportOptions options;
  options.skip_bad = true;
  ImportReport report;
  const std::string mixed =
      R"([{"user": "a"}, {"user": "a", "inters": ["1"], "proc_path": ["2"]}, 7, {"user": "b"}])";
  const std::vector<SourceText> files = {{"toy.val", mixed}};
  CHECK(import_from_memory("prorl", files, "toy.val", options, &report).interactions.size() == 2);
  REQUIRE(report.skipped.size() == 2);
  CHECK(report.skipped[0].lines == 2);
}

#include "env/data/path_miner.h"

#include "tests/env/data/data_sets.h"

using namespace veer;
using namespace veer::testing;

namespace {

/// Items 1..N with attributes written as letters; one user per sequence.
Dataset world(const std::vector<std::string>& letters, const std::vector<std::vector<ItemId>>& sequences) {
  Dataset data;
  data.catalogue.ids = {""};
  data.catalogue.attribute_names = {"a", "b", "c", "d"};
  data.catalogue.attribute_offsets = {0, 0};
  for (const std::string& item : letters) {
    data.catalogue.ids.push_back(std::to_string(data.catalogue.ids.size()));
    for (const char letter : item) data.catalogue.attributes.push_back(letter - 'a');
    data.catalogue.attribute_offsets.push_back(static_cast<std::int64_t>(data.catalogue.attributes.size()));
  }
  data.interactions.offsets = {0};
  for (const auto& sequence : sequences) {
    data.interactions.items.insert(data.interactions.items.end(), sequence.begin(), sequence.end());
    data.interactions.offsets.push_back(data.interactions.size());
  }
  return data;
}

}  // namespace

TEST_CASE("path miner: runs are maximal, chained by neighbours, and cut at breaks") {
  // 1 and 3 share nothing, but 1-2 share a and 2-3 share b: one run. Item 5 has no attributes.
  const Dataset data = world({"a", "ab", "b", "c", ""}, {{1, 2, 3, 4, 4, 5, 5, 1}, {3, 3}});
  MinerOptions options;
  options.history = 0;
  CHECK(mine_paths(data, options) == std::vector<MinedPath>{{0, 0, 3}, {0, 3, 2}, {1, 8, 2}});
  options.min_length = 1;
  CHECK(mine_paths(data, options).size() == 6);
  options.min_length = 2;
  options.max_length = 2;  // the run of 3 is dropped, not cut
  CHECK(mine_paths(data, options) == std::vector<MinedPath>{{0, 3, 2}, {1, 8, 2}});
  options.excluded_attributes = {"b", "c"};
  CHECK(mine_paths(data, options) == std::vector<MinedPath>{{0, 0, 2}});
}

TEST_CASE("path miner: a run needs its history in full") {
  // Ten items of alternating attributes, then a run; the run that begins at index 9 is too early.
  std::vector<ItemId> early = {1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 2};
  std::vector<ItemId> right = {1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 1, 1};
  const Dataset data = world({"a", "b"}, {early, right});
  const std::vector<MinedPath> paths = mine_paths(data);
  REQUIRE(paths == std::vector<MinedPath>{{1, 21, 3}});
  const PathExample example = example_of(data, paths[0], {});
  CHECK(std::vector<ItemId>(example.history.begin(), example.history.end()) ==
        std::vector<ItemId>{1, 2, 1, 2, 1, 2, 1, 2, 1, 2});
  CHECK(std::vector<ItemId>(example.path.begin(), example.path.end()) == std::vector<ItemId>{1, 1});
  CHECK(example.target == 1);
}

TEST_CASE("path miner: lengths 2 to 10") {
  std::vector<ItemId> ten(10, 1), eleven(11, 1);
  std::vector<ItemId> sequence = {2, 1, 2, 1, 2, 1, 2, 1, 2, 2};
  sequence.insert(sequence.end(), ten.begin(), ten.end());
  sequence.push_back(2);
  sequence.insert(sequence.end(), eleven.begin(), eleven.end());
  const Dataset data = world({"a", "b"}, {sequence});
  CHECK(mine_paths(data) == std::vector<MinedPath>{{0, 10, 10}});
}

TEST_CASE("path miner: options that make no sense") {
  const Dataset data = world({"a"}, {{1}});
  MinerOptions options;
  options.excluded_attributes = {"Drama"};
  check_message(message_of<ConfigError>([&] { mine_paths(data, options); }),
                {"excluded attribute", "\"Drama\"", "a, b, c, d"});
  MinerOptions lengths;
  lengths.max_length = 1;
  check_message(message_of<ConfigError>([&] { mine_paths(data, lengths); }),
                {"lengths 2 to 1", "shortest <= longest"});
}

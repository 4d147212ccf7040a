#include "env/data/importers/id_table.h"

#include <string>

#include "tests/test.h"

using veer::importers::IdTable;

TEST_CASE("id table: numbers by first appearance, for hundreds of thousands of texts") {
  IdTable ids;
  CHECK(ids.find("x") == -1);
  constexpr int count = 200'000;  // grows many times, fills many blocks
  for (int i = 0; i < count; ++i) REQUIRE(ids.add("id " + std::to_string(i * 7)) == i);
  for (int i = 0; i < count; ++i) {
    const std::string text = "id " + std::to_string(i * 7);
    REQUIRE(ids.add(text) == i);
    REQUIRE(ids.find(text) == i);
    REQUIRE(ids.text(i) == text);
  }
  CHECK(ids.size() == count);
  CHECK(ids.find("id 1") == -1);
  const std::string long_text(100'000, 'x');  // longer than a block
  CHECK(ids.add(long_text) == count);
  CHECK(ids.add("after") == count + 1);
  const IdTable moved = std::move(ids);
  CHECK(moved.text(count) == long_text);
  CHECK(moved.text(count + 1) == "after");
  CHECK(moved.text(3) == "id 21");
}

TEST_CASE("id table: order by value for numbers, by bytes for everything else") {
  const auto ordered = [](const std::vector<std::string>& texts) {
    IdTable ids;
    for (const std::string& text : texts) ids.add(text);
    std::vector<std::string> result;
    for (const std::int32_t index : ids.in_order(std::vector<std::int64_t>(texts.size(), 1)))
      result.emplace_back(ids.text(index));
    return result;
  };
  using Texts = std::vector<std::string>;
  CHECK(ordered({"10", "9", "0", "100"}) == Texts{"0", "9", "10", "100"});
  // Beyond 2^64, too.
  CHECK(ordered({"18446744073709551616", "99999999999999999999", "18446744073709551615", "5"}) ==
        Texts{"5", "18446744073709551615", "18446744073709551616", "99999999999999999999"});
  CHECK(ordered({"10", "9", "a"}) == Texts{"10", "9", "a"});
  CHECK(ordered({"10", "09"}) == Texts{"09", "10"});
  CHECK(ordered({"abcdefghij", "abcdefgh", "abcdefghi", "\xC3\xA9", "z"}) ==
        Texts{"abcdefgh", "abcdefghi", "abcdefghij", "z", "\xC3\xA9"});

  IdTable ids;
  for (const char* text : {"3", "x", "1"}) ids.add(text);
  CHECK(ids.in_order({1, 0, 4}) == std::vector<std::int32_t>{2, 0});  // "x" is not used and does not count
}

#include "env/data/filters.h"

#include <vector>

#include "env/random.h"
#include "tests/test.h"

using namespace veer;

namespace {

/// The definition, word by word: drop whoever is below, again and again.
void naive_core(const std::vector<std::int32_t>& users, const std::vector<std::int32_t>& items, int user_core,
                int item_core, std::vector<std::uint8_t>& keep) {
  for (bool changed = true; changed;) {
    std::vector<int> user_degree(100), item_degree(100);
    for (std::size_t r = 0; r < users.size(); ++r) {
      if (keep[r] == 0) continue;
      ++user_degree[static_cast<std::size_t>(users[r])];
      ++item_degree[static_cast<std::size_t>(items[r])];
    }
    changed = false;
    for (std::size_t r = 0; r < users.size(); ++r) {
      if (keep[r] != 0 && (user_degree[static_cast<std::size_t>(users[r])] < user_core ||
                           item_degree[static_cast<std::size_t>(items[r])] < item_core)) {
        keep[r] = 0;
        changed = true;
      }
    }
  }
}

}  // namespace

TEST_CASE("k-core: a chain falls as a whole, a square stays") {
  // Users 0..3 on a chain of items, users 4 and 5 both with items 8 and 9.
  const std::vector<std::int32_t> users = {0, 0, 1, 1, 2, 2, 3, 4, 4, 5, 5};
  const std::vector<std::int32_t> items = {0, 1, 1, 2, 2, 3, 3, 8, 9, 8, 9};
  std::vector<std::uint8_t> keep(users.size(), 1);
  const CoreSizes sizes = k_core(users, items, 6, 10, 2, 2, keep);
  CHECK(sizes.users == 2);
  CHECK(sizes.items == 2);
  CHECK(sizes.interactions == 4);
  CHECK(keep == std::vector<std::uint8_t>{0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1});
}

TEST_CASE("k-core: nothing asked, nothing dropped; unused numbers are not counted") {
  const std::vector<std::int32_t> users = {0, 2};
  const std::vector<std::int32_t> items = {1, 1};
  std::vector<std::uint8_t> keep(2, 1);
  const CoreSizes sizes = k_core(users, items, 3, 2, 0, 0, keep);
  CHECK(sizes.users == 2);
  CHECK(sizes.items == 1);
  CHECK(sizes.interactions == 2);
}

TEST_CASE("k-core: agrees with its definition on random graphs") {
  int emptied = 0;
  int partial = 0;
  for (std::uint64_t graph = 0; graph < 300; ++graph) {
    std::vector<std::int32_t> users, items;
    std::vector<std::uint8_t> keep;
    const std::uint32_t rows = 1 + uniform_below(250, {graph, 0, 0}, Stream::generate);
    for (std::uint32_t r = 0; r < rows; ++r) {
      users.push_back(static_cast<std::int32_t>(uniform_below(30, {graph, 1, r}, Stream::generate, 0)));
      items.push_back(static_cast<std::int32_t>(uniform_below(40, {graph, 1, r}, Stream::generate, 1)));
      keep.push_back(uniform_below(10, {graph, 1, r}, Stream::generate, 2) > 0);
    }
    const int user_core = static_cast<int>(uniform_below(8, {graph, 2, 0}, Stream::generate));
    const int item_core = static_cast<int>(uniform_below(8, {graph, 3, 0}, Stream::generate));
    std::vector<std::uint8_t> expected = keep;
    naive_core(users, items, user_core, item_core, expected);
    const CoreSizes sizes = k_core(users, items, 30, 40, user_core, item_core, keep);
    CHECK(keep == expected);
    std::int64_t left = 0;
    for (const std::uint8_t kept : expected) left += kept;
    CHECK(sizes.interactions == left);
    emptied += left == 0;
    partial += left > 0 && left < static_cast<std::int64_t>(rows) * 8 / 10;
  }
  // Both kinds of outcome were met.
  CHECK(emptied > 10);
  CHECK(partial > 10);
}

#include "env/data/splits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "tests/test.h"

using namespace veer;

namespace {

std::array<int, 4> sizes_of(std::int32_t users, std::uint64_t seed = 1) {
  std::array<int, 4> sizes{};
  for (const Part part : split_users(users, seed)) ++sizes[static_cast<std::size_t>(part)];
  return sizes;
}

}  // namespace

TEST_CASE("split: exact sizes for every number of people") {
  using Sizes = std::array<int, 4>;  // plan, judge, validation, test
  CHECK(sizes_of(0) == Sizes{0, 0, 0, 0});
  CHECK(sizes_of(1) == Sizes{1, 0, 0, 0});
  CHECK(sizes_of(2) == Sizes{1, 1, 0, 0});
  CHECK(sizes_of(3) == Sizes{1, 0, 1, 1});
  CHECK(sizes_of(10) == Sizes{4, 4, 1, 1});
  CHECK(sizes_of(25) == Sizes{11, 10, 2, 2});
  CHECK(sizes_of(6040) == Sizes{2416, 2416, 604, 604});
}

TEST_CASE("split: a function of the seed, and no function of position") {
  const auto parts = split_users(10'000, 7);
  CHECK(parts == split_users(10'000, 7));
  CHECK(parts != split_users(10'000, 8));
  // Test people are spread evenly: 1,000 draws without replacement, 100 expected in each tenth of the users.
  for (std::size_t tenth = 0; tenth < 10; ++tenth) {
    int tests = 0;
    for (std::size_t user = 0; user < 1000; ++user) tests += parts[tenth * 1000 + user] == Part::test;
    CHECK(std::abs(tests - 100) < 45);  // 5 standard deviations of 9
  }
}

TEST_CASE("leave one out: last for the test, last but one for validation") {
  Interactions interactions;
  interactions.offsets = {0, 4, 6, 9};
  interactions.items = {5, 6, 7, 8, 1, 2, 3, 3, 4};
  const LeaveOneOut first = leave_one_out(interactions, 0);
  CHECK(std::vector<ItemId>(first.training.begin(), first.training.end()) == std::vector<ItemId>{5, 6});
  CHECK(first.validation == 7);
  CHECK(first.test == 8);
  CHECK(first.has_held_out());
  const LeaveOneOut second = leave_one_out(interactions, 1);
  CHECK(second.training.size() == 2);
  CHECK_FALSE(second.has_held_out());
  CHECK(second.validation == no_item);
  const LeaveOneOut third = leave_one_out(interactions, 2);
  CHECK(third.training.size() == 1);
  CHECK(third.test == 4);
}

TEST_CASE("split by time: the newest tenth is tested, the tenth before it validates, lots decide ties") {
  Interactions interactions;
  interactions.offsets = {0};
  for (int user = 0; user < 30; ++user) {  // last times 1000 + user, but users 20 to 25 share one
    interactions.items.insert(interactions.items.end(), {1, 2});
    interactions.times.push_back(1);
    interactions.times.push_back(user >= 20 && user < 26 ? 1020 : 1000 + user);
    interactions.offsets.push_back(interactions.size());
  }
  const auto parts = split_users_by_time(interactions, 5);
  std::array<int, 4> sizes{};
  for (const Part part : parts) ++sizes[static_cast<std::size_t>(part)];
  CHECK(sizes == std::array<int, 4>{12, 12, 3, 3});
  for (const std::size_t user : {27U, 28U, 29U}) CHECK(parts[user] == Part::test);
  CHECK(parts[26] == Part::validation);
  const auto tied = [&](std::uint64_t seed) {
    std::string who;
    const auto dealt = split_users_by_time(interactions, seed);
    for (std::size_t user = 20; user < 26; ++user) who += dealt[user] == Part::validation ? 'v' : '.';
    for (std::size_t user = 0; user < 20; ++user) CHECK(dealt[user] <= Part::train_judge);
    CHECK(std::count(who.begin(), who.end(), 'v') == 2);
    return who;
  };
  CHECK(tied(5) == tied(5));
  CHECK((tied(5) != tied(6) || tied(5) != tied(7) || tied(5) != tied(8)));
  // The halves of the rest are dealt by lot: both have old and new people.
  int old_planners = 0;
  for (std::size_t user = 0; user < 12; ++user) old_planners += parts[user] == Part::train_plan;
  CHECK(old_planners > 0);
  CHECK(old_planners < 12);
}

#include "env/data/splits.h"

#include <algorithm>
#include <numeric>

#include "env/random.h"

namespace veer {

std::vector<Part> split_users(std::int32_t users, std::uint64_t split_seed) {
  std::vector<std::uint64_t> draws(static_cast<std::size_t>(users));
  for (std::size_t user = 0; user < draws.size(); ++user) {
    const PhiloxBlock block = random_block({split_seed, user, 0}, Stream::split, 0);
    draws[user] = std::uint64_t{block[0]} << 32 | block[1];
  }
  std::vector<UserId> ranked(draws.size());
  std::iota(ranked.begin(), ranked.end(), 0);
  std::sort(ranked.begin(), ranked.end(), [&](UserId a, UserId b) {
    const std::uint64_t x = draws[static_cast<std::size_t>(a)];
    const std::uint64_t y = draws[static_cast<std::size_t>(b)];
    return x != y ? x < y : a < b;
  });

  const std::size_t held_out = users < 3 ? 0 : std::max<std::size_t>(1, ranked.size() / 10);
  const std::size_t plan_end = 2 * held_out + (ranked.size() - 2 * held_out + 1) / 2;
  std::vector<Part> parts(ranked.size());
  for (std::size_t rank = 0; rank < ranked.size(); ++rank) {
    Part part = Part::train_judge;
    if (rank < held_out) {
      part = Part::test;
    } else if (rank < 2 * held_out) {
      part = Part::validation;
    } else if (rank < plan_end) {
      part = Part::train_plan;
    }
    parts[static_cast<std::size_t>(ranked[rank])] = part;
  }
  return parts;
}

LeaveOneOut leave_one_out(const Interactions& interactions, UserId user) noexcept {
  const std::span<const ItemId> items = interactions.of(user);
  if (items.size() < 3) return {items, no_item, no_item};
  return {items.first(items.size() - 2), items[items.size() - 2], items.back()};
}

}  // namespace veer

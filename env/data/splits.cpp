#include "env/data/splits.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "env/random.h"

namespace veer {
namespace {

/// People in the order of their random numbers.
std::vector<UserId> ranked_by_lot(std::int32_t users, std::uint64_t split_seed) {
  std::vector<std::uint64_t> draws(static_cast<std::size_t>(users));
  for (std::size_t user = 0; user < draws.size(); ++user) {
    const PhiloxBlock block = random_block({split_seed, user, 0}, Stream::split, 0);
    draws[user] = std::uint64_t{block[0]} << 32 | block[1];
  }
  std::vector<UserId> ranked(draws.size());
  std::iota(ranked.begin(), ranked.end(), 0);
  std::sort(ranked.begin(), ranked.end(), [&](UserId a, UserId b) {
    return draws[at(a)] != draws[at(b)] ? draws[at(a)] < draws[at(b)] : a < b;
  });
  return ranked;
}

std::size_t held_out_of(std::size_t users) noexcept {
  return users < 3 ? 0 : std::max<std::size_t>(1, users / 10);
}

/// The first of `ranked` are test people, and so on.
std::vector<Part> deal_parts(const std::vector<UserId>& ranked) {
  const std::size_t held_out = held_out_of(ranked.size());
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
    parts[at(ranked[rank])] = part;
  }
  return parts;
}

}  // namespace

std::vector<Part> split_users(std::int32_t users, std::uint64_t split_seed) {
  return deal_parts(ranked_by_lot(users, split_seed));
}

std::vector<Part> split_users_by_time(const Interactions& interactions, std::uint64_t split_seed) {
  const std::vector<UserId> by_lot = ranked_by_lot(interactions.users(), split_seed);
  const auto last_time = [&](UserId user) {
    return interactions.times[at(interactions.offsets[at(user + 1)] - 1)];
  };
  std::vector<UserId> ranked = by_lot;
  std::stable_sort(ranked.begin(), ranked.end(),
                   [&](UserId a, UserId b) { return last_time(a) > last_time(b); });
  std::vector<std::uint8_t> held_out(ranked.size());
  ranked.resize(2 * held_out_of(ranked.size()));
  for (const UserId user : ranked) held_out[at(user)] = 1;
  std::copy_if(by_lot.begin(), by_lot.end(), std::back_inserter(ranked),
               [&](UserId user) { return held_out[at(user)] == 0; });
  return deal_parts(ranked);
}

LeaveOneOut leave_one_out(const Interactions& interactions, UserId user) noexcept {
  const std::span<const ItemId> items = interactions.of(user);
  if (items.size() < 3) return {items, no_item, no_item};
  return {items.first(items.size() - 2), items[items.size() - 2], items.back()};
}

}  // namespace veer

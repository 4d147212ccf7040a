// Who may learn from whom: parts by user, by lot or by time, and leave-one-out views of one person's
// sequence. Thread-safety: pure functions; views point into the Dataset.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/data/dataset.h"

namespace veer {

/// A part for each of `users` people. People are ranked by a random number keyed by (split_seed, user),
/// Stream::split; the first tenth (rounded down, at least one when there are three people or more) is the
/// test part, the next as many validation, the first half (rounded up) of the rest train_plan, what remains
/// train_judge. One or two people are all train.
std::vector<Part> split_users(std::int32_t users, std::uint64_t split_seed);

/// As split_users, but held out are people whose last interaction is the newest: the newest tenth is the test
/// part, the tenth before it validation; people with the same last second are ranked by their random number.
/// The rest is halved by it, so that both halves come from the same months. REQUIRES: times; no person
/// without interactions.
std::vector<Part> split_users_by_time(const Interactions& interactions, std::uint64_t split_seed);

/// One person's sequence with the last item held out for testing and the one before it for validation (Kang
/// and McAuley, "Self-attentive sequential recommendation", ICDM 2018). People with fewer than three
/// interactions keep all of them for training, and their held-out items are no_item.
struct LeaveOneOut {
  std::span<const ItemId> training;
  ItemId validation = no_item;  ///< to be ranked after `training`
  ItemId test = no_item;        ///< to be ranked after `training` and `validation`
  bool has_held_out() const noexcept { return test != no_item; }
};
LeaveOneOut leave_one_out(const Interactions& interactions, UserId user) noexcept;

}  // namespace veer

#include "scenarios/slate/slate.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "env/error.h"

namespace veer {
namespace {

constexpr std::int32_t most_slots = 1000;
constexpr std::int32_t longest_slate_history = 10'000;
constexpr std::int32_t longest_slate_horizon = 1'000'000'000;

[[noreturn]] void reject_slate_world(const char* field, const std::string& found, const std::string& expected,
                                     const std::string& hint = {}) {
  throw ConfigError({.file = {}, .line = 0, .field = std::string("slate: ") + field},
                    {found, expected, hint});
}

[[noreturn]] void reject_slate(const Shard& shard, std::int32_t row, std::size_t slot,
                               const std::string& found, const std::string& expected) {
  const std::int64_t lane = std::int64_t{shard.index} * shard.rows() + row;
  throw ConfigError(
      {.file = {},
       .line = 0,
       .field = "slate of lane " + std::to_string(lane) + " (episode " + std::to_string(shard.episode(row)) +
                ", step " + std::to_string(shard.step(row)) + "), slot " + std::to_string(slot)},
      {found, expected, "the policy breaks its contract"});
}

/// Steps that patience can last at most: the least that a slate may cost, for any number of clicks.
std::int32_t longest_session(const SlateParameters& p) {
  const float least = least_patience_taken(p.patience_cost, p.reward, p.slots);
  if (!(least > 0.0F)) {
    reject_slate_world("horizon", "0 where a slate may cost no patience", "a number of steps",
                       "nothing else would end such an episode");
  }
  double patience = p.patience;
  std::int32_t steps = 0;
  while (!patience_is_over(static_cast<float>(patience))) {
    patience -= double{least};
    if (++steps > 10'000'000)
      reject_slate_world("patience", std::to_string(p.patience), "fewer steps' worth");
  }
  return steps;
}

}  // namespace

SlateScenario::SlateScenario(SlateParameters parameters) : parameters_(std::move(parameters)) {
  SlateParameters& p = parameters_;
  if (p.people == nullptr) reject_slate_world("people", "none", "people");
  if (p.users == nullptr) reject_slate_world("users", "no user model", "a user model");
  const std::int32_t items = p.users->spec().items;
  const auto check = [](const char* field, std::int32_t value, std::int32_t least, std::int32_t most) {
    if (value >= least && value <= most) return;
    reject_slate_world(field, std::to_string(value), std::to_string(least) + " to " + std::to_string(most));
  };
  check("slots", p.slots, 1, std::min(items, most_slots));
  check("history", p.history, 1, longest_slate_history);
  check("horizon", p.horizon, 0, longest_slate_horizon);
  if (!(p.patience >= 1.0F) || !std::isfinite(p.patience)) {
    reject_slate_world("patience", std::to_string(p.patience), "a number of at least 1");
  }
  if (!(p.reward.cost >= 0.0F) || !std::isfinite(p.reward.cost)) {
    reject_slate_world("reward.cost", std::to_string(p.reward.cost), "0 or more");
  }
  for (const float weight : p.reward.weights) {
    if (!std::isfinite(weight))
      reject_slate_world("reward.weights", std::to_string(weight), "finite numbers");
  }
  if (!std::isfinite(p.reward.sweet_point)) {
    reject_slate_world("reward.sweet_point", std::to_string(p.reward.sweet_point), "a finite number");
  }
  spec_ = {.id = "slate-v1",
           .items = items,
           .history_length = p.history,
           .history_capacity = p.history,
           .horizon = p.horizon == 0 ? longest_session(p) : p.horizon,
           .slots = p.slots,
           .reals = 0,
           .features = p.shows_profile ? p.people->profile_width : 0,
           .attributes = 0,
           .acceptance = Acceptance::sampled,
           .modifiers = {}};
  rewards_.push_back(slate_term(p.reward));

  const SlatePeople& people = *p.people;
  for (const ItemId item : people.liked) {
    if (item >= 1 && item <= items) continue;
    reject_slate_world("people", "liked item " + std::to_string(item),
                       "1 to " + std::to_string(items) + " as in the user model");
  }
  if (p.part) {
    for (std::size_t s = 0; s < people.starts.size(); ++s) {
      if (people.part(people.starts[s].user) == *p.part) starts_.push_back(static_cast<std::int32_t>(s));
    }
  }
  if ((p.part ? starts_.size() : people.starts.size()) == 0) {
    reject_slate_world("people", "nobody to start from", "at least one start of the part");
  }
}

void SlateScenario::begin_episode(std::int32_t row, Shard& shard) const {
  const SlatePeople& people = *parameters_.people;
  const StepKey key = shard.key(row);
  const std::size_t count = starts_.empty() ? people.starts.size() : starts_.size();
  const std::uint32_t drawn = uniform_below(static_cast<std::uint32_t>(count), key, Stream::begin_episode);
  const SlateStart& start = people.starts[starts_.empty() ? drawn : at(starts_[drawn])];
  shard.user(row) = start.user;
  shard.target(row) = no_item;
  const std::span<const ItemId> liked = people.history(start, parameters_.history);
  const std::span<ItemId> history = shard.history.row(row);
  std::ranges::copy(liked, history.begin());
  std::fill(history.begin() + std::ssize(liked), history.end(), no_item);
  shard.history_size(row) = static_cast<std::int32_t>(std::ssize(liked));
  shard.patience(row) = parameters_.patience;
  if (parameters_.shows_profile) {
    std::ranges::copy(people.profile(start.user), shard.features.row(row).begin());
  }
}

void SlateScenario::present(Rows rows, Shard& shard) const {
  for (const std::int32_t row : rows) {
    if (shard.active(row) == 0) continue;
    const std::span<const ItemId> items = shard.items.row(row);
    for (std::size_t k = 0; k < items.size(); ++k) {
      if (items[k] < 1 || items[k] > spec_.items) {
        reject_slate(shard, row, k, items[k] == no_item ? "no item" : "item " + std::to_string(items[k]),
                     "an id from 1 to " + std::to_string(spec_.items));
      }
      for (std::size_t j = 0; j < k; ++j) {
        if (items[j] == items[k]) {
          reject_slate(shard, row, k,
                       "item " + std::to_string(items[k]) + ", as in slot " + std::to_string(j),
                       std::to_string(items.size()) + " distinct items");
        }
      }
    }
  }
}

void SlateScenario::settle(Rows rows, Shard& shard) const {
  const SlateParameters& p = parameters_;
  for (const std::int32_t row : rows) {
    shard.patience(row) -=
        patience_taken(p.patience_cost, p.reward, shard.items.row(row), shard.feedback.row(row));
  }
}

EndReason SlateScenario::end_of(std::int32_t row, const Shard& shard) const {
  return patience_is_over(shard.patience(row)) ? EndReason::user_left : EndReason::running;
}

}  // namespace veer

// A desk to ask policies at: rows filled by hand, actions read back, without an engine.
#pragma once

#include <numeric>
#include <span>
#include <vector>

#include "env/batch.h"
#include "env/policy.h"

namespace veer::testing {

class Desk {
 public:
  Desk(const Policy& policy, std::int32_t rows, std::int32_t history_capacity, std::uint64_t seed = 5)
      : policy_(policy),
        batch_({.rows = rows,
                .shard_rows = rows,
                .history_capacity = history_capacity,
                .slots = 1,
                .policy_state = policy.spec().state_width,
                .plan = policy.spec().action == ActionKind::path ? policy.spec().width : 0},
               seed),
        shard_(batch_.shard(0)),
        workspace_(policy.make_workspace(
            {.rows = rows, .history_capacity = history_capacity, .slots = 1, .horizon = 1})) {}

  Shard& shard() noexcept { return shard_; }

  void seat(std::int32_t row, EpisodeId episode, ItemId target, std::span<const ItemId> history) {
    shard_.episode(row) = episode;
    shard_.step(row) = 0;
    shard_.active(row) = 1;
    shard_.target(row) = target;
    shard_.history_size(row) = 0;
    for (const ItemId item : history) append_history(shard_, row, item);
    PolicyState state{shard_.policy_state, *workspace_};
    const std::int32_t rows[] = {row};
    policy_.begin(rows, observe(shard_), state);
  }

  /// Asks for all rows; the answers stand in items() or plan().
  void ask(Mode mode = Mode::greedy) {
    std::vector<std::int32_t> rows(static_cast<std::size_t>(shard_.rows()));
    std::iota(rows.begin(), rows.end(), 0);
    PolicyState state{shard_.policy_state, *workspace_};
    const bool plans = policy_.spec().action == ActionKind::path;
    Actions actions{plans ? shard_.plan : shard_.items, shard_.plan_size, shard_.reals, shard_.log_prob};
    policy_.act(rows, observe(shard_), state, actions, mode);
  }

  ItemId item(std::int32_t row = 0) const { return shard_.items(row); }
  std::vector<ItemId> plan(std::int32_t row = 0) const {
    const auto items = shard_.plan.row(row).first(static_cast<std::size_t>(shard_.plan_size(row)));
    return {items.begin(), items.end()};
  }

  /// The person of `row` answers what it was shown: an accepted item enters the history.
  void answer(std::int32_t row, ItemId shown, bool accepted) {
    shard_.items(row) = shown;
    shard_.feedback(row) = accepted ? feedback::accepted : feedback::refused;
    if (accepted) append_history(shard_, row, shown);
    ++shard_.step(row);
  }

  /// Row 0 walked through `steps` steps of an item policy, all accepted.
  std::vector<ItemId> walk(std::int32_t steps, bool accepted = true) {
    std::vector<ItemId> shown;
    for (std::int32_t k = 0; k < steps; ++k) {
      ask();
      shown.push_back(item());
      if (item() == no_item) break;
      answer(0, item(), accepted);
    }
    return shown;
  }

 private:
  const Policy& policy_;
  Batch batch_;
  Shard shard_;
  std::unique_ptr<Workspace> workspace_;
};

}  // namespace veer::testing

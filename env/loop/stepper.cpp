#include "env/loop/stepper.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "env/error.h"
#include "env/policy_error.h"

namespace veer {
namespace {

std::vector<std::int32_t> all_rows(const Shard& shard) {
  std::vector<std::int32_t> rows(static_cast<std::size_t>(shard.rows()));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

[[noreturn]] void reject_item(const Policy& policy, ItemId item, std::int32_t catalogue) {
  throw PolicyError("policy " + policy.spec().name + ": found item " + std::to_string(item) +
                    " in its action; expected an id from 0 (stop) to " + std::to_string(catalogue) +
                    "; was it built for another catalogue?");
}

[[noreturn]] void reject_plan(const Policy& policy, std::int32_t size, std::int32_t width) {
  throw PolicyError("policy " + policy.spec().name + ": found a plan of " + std::to_string(size) +
                    " items; expected 0 to " + std::to_string(width) + ", the width it declares");
}

}  // namespace

Stepper::Stepper(const Scenario& scenario) : scenario_(scenario) {
  measures_ = std::ranges::any_of(scenario.rewards(), &RewardTerm::reads_interest);
  asks_users_ = scenario.spec().acceptance == Acceptance::sampled ||
                std::ranges::any_of(scenario.rewards(), &RewardTerm::reads_acceptance);
  reads_users_ = measures_ || asks_users_;
}

WorkspaceShape Stepper::workspace_shape(std::int32_t shard_rows) const {
  const EnvSpec& spec = scenario_.spec();
  return {.rows = shard_rows,
          .history_capacity = spec.history_capacity,
          .slots = spec.slots,
          .horizon = spec.horizon};
}

ShardScratch Stepper::make_scratch(const Policy& policy, std::int32_t shard_rows) const {
  const WorkspaceShape shape = workspace_shape(shard_rows);
  return {scenario_.users().make_workspace(shape), policy.make_workspace(shape)};
}

std::size_t Stepper::working_bytes(const Policy& policy, std::int32_t shard_rows) const {
  const WorkspaceShape shape = workspace_shape(shard_rows);
  return (reads_users_ ? scenario_.users().cache_bytes(shape) : 0) + policy.working_bytes(shape);
}

std::size_t Stepper::cache_bytes(const Policy& policy, std::int32_t shard_rows) const {
  const WorkspaceShape shape = workspace_shape(shard_rows);
  return (reads_users_ ? scenario_.users().cache_bytes(shape) : 0) + policy.cache_bytes(shape);
}

void Stepper::begin(Rows rows, Shard& shard, const Policy& policy, ShardScratch& scratch) const {
  if (rows.empty()) return;
  for (const std::int32_t row : rows) {
    shard.active(row) = 1;
    shard.step(row) = 0;
    shard.target(row) = no_item;
    shard.history_size(row) = 0;
    std::ranges::fill(shard.history.row(row), no_item);
    std::ranges::fill(shard.items.row(row), no_item);
    std::ranges::fill(shard.feedback.row(row), feedback::refused);
    std::ranges::fill(shard.policy_state.row(row), 0.0F);
    std::ranges::fill(shard.modifiers.row(row), 1.0F);
    if (!shard.plan_size.empty()) shard.plan_size(row) = shard.plan_next(row) = 0;
    scenario_.begin_episode(row, shard);
  }
  if (reads_users_) {
    scenario_.users().begin(rows, shard, *scratch.user);
    if (measures_) scenario_.users().measure(rows, shard, *scratch.user);
  }
  PolicyState state{shard.policy_state, *scratch.policy};
  policy.begin(rows, observe(shard), state);
}

void Stepper::act(Shard& shard, const Policy& policy, Mode mode, ShardScratch& scratch) const {
  const Observation observation = observe(shard);
  PolicyState state{shard.policy_state, *scratch.policy};
  const PolicySpec& spec = policy.spec();
  if (spec.action != ActionKind::path) {
    Actions actions{shard.items, {}, shard.reals, shard.log_prob};
    policy.act(all_rows(shard), observation, state, actions, mode);
  } else {
    std::vector<std::int32_t> needy;
    // A plan's log-probability counts once, at its first step.
    for (std::int32_t row = 0; row < shard.rows(); ++row) shard.log_prob(row) = 0.0F;
    for (std::int32_t row = 0; row < shard.rows(); ++row) {
      if (shard.active(row) == 0) continue;
      if (spec.closed_loop || shard.plan_next(row) >= shard.plan_size(row)) needy.push_back(row);
    }
    if (!needy.empty()) {
      Actions actions{shard.plan, shard.plan_size, shard.reals, shard.log_prob};
      policy.act(needy, observation, state, actions, mode);
      for (const std::int32_t row : needy) {
        shard.plan_next(row) = 0;
        if (shard.plan_size(row) < 0 || shard.plan_size(row) > shard.plan.width()) {
          reject_plan(policy, shard.plan_size(row), shard.plan.width());
        }
      }
    }
    for (std::int32_t row = 0; row < shard.rows(); ++row) {
      const bool stop = shard.plan_next(row) >= shard.plan_size(row);
      shard.items(row, 0) = stop ? no_item : shard.plan(row, shard.plan_next(row));
      if (!stop) ++shard.plan_next(row);
    }
  }
  scenario_.present(all_rows(shard), shard);
  const std::int32_t catalogue = scenario_.spec().items;
  for (std::int32_t row = 0; row < shard.rows(); ++row) {
    for (ItemId& item : shard.items.row(row)) {
      if (shard.active(row) == 0) item = no_item;
      if (item < 0 || item > catalogue) reject_item(policy, item, catalogue);
    }
  }
}

void Stepper::respond(Shard& shard, ShardScratch& scratch) const {
  const std::vector<std::int32_t> rows = all_rows(shard);
  for (const std::int32_t row : rows) {
    const std::int32_t size = shard.history_size(row);
    shard.last_item(row) = size > 0 ? shard.history(row, size - 1) : no_item;
    shard.interest_before(row) = shard.interest(row);
    shard.rank_before(row) = shard.rank(row);
  }
  if (asks_users_) scenario_.users().choose(rows, shard, *scratch.user);
  if (scenario_.spec().acceptance == Acceptance::always) {
    for (const std::int32_t row : rows) {
      for (std::int32_t slot = 0; slot < shard.items.width(); ++slot) {
        const bool shown = shard.items(row, slot) != no_item;
        shard.feedback(row, slot) = shown ? feedback::accepted : feedback::refused;
        if (!asks_users_) shard.probability(row, slot) = shown ? 1.0F : 0.0F;
      }
    }
  }
  scenario_.settle(rows, shard);
  for (const std::int32_t row : rows) {
    for (std::int32_t slot = 0; slot < shard.items.width(); ++slot) {
      const ItemId item = shard.items(row, slot);
      if (item != no_item && (shard.feedback(row, slot) & feedback::accepted) != 0) {
        append_history(shard, row, item);
      }
    }
  }
  if (reads_users_) {
    scenario_.users().advance(rows, shard, *scratch.user);
    if (measures_) scenario_.users().measure(rows, shard, *scratch.user);
  }
}

void Stepper::count_rewards(Shard& shard) const {
  const std::span<const RewardTerm> terms = scenario_.rewards();
  if (terms.empty()) return;
  const RewardInputs inputs = reward_inputs(shard);
  std::vector<float> values(static_cast<std::size_t>(shard.rows()));
  for (std::int32_t row = 0; row < shard.rows(); ++row) shard.reward(row) = 0.0F;
  for (std::size_t t = 0; t < terms.size(); ++t) {
    terms[t].evaluate(inputs, values);
    for (std::int32_t row = 0; row < shard.rows(); ++row) {
      const float value = shard.active(row) != 0 ? values[static_cast<std::size_t>(row)] : 0.0F;
      shard.reward_terms(row, static_cast<std::int32_t>(t)) = value;
      shard.reward(row) += terms[t].weight * value;
    }
  }
}

void Stepper::step(Shard& shard, const Policy& policy, Mode mode, ShardScratch& scratch) const {
  act(shard, policy, mode, scratch);
  respond(shard, scratch);
  const EnvSpec& spec = scenario_.spec();
  for (std::int32_t row = 0; row < shard.rows(); ++row) {
    EndReason& end = shard.end(row);
    end = EndReason::running;
    if (shard.active(row) == 0) continue;
    if (spec.reals == 0 && shard.items(row, 0) == no_item) {
      end = EndReason::policy_stopped;
    } else {
      end = scenario_.end_of(row, shard);
    }
    if (end == EndReason::running && static_cast<std::int32_t>(shard.step(row)) + 1 >= spec.horizon) {
      end = EndReason::horizon;
    }
  }
  count_rewards(shard);
}

}  // namespace veer

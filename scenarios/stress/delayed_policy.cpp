#include "scenarios/stress/delayed_policy.h"

#include <algorithm>
#include <utility>

#include "scenarios/stress/lots.h"

namespace veer::stress {
namespace {

/// Columns of a row behind those of the policy: the step whose answer was noted last, the size of the history
/// as it is told, where in the plan a path policy is and how long the plan is. Then that history, the items
/// and answers of the newest steps, and the plan. Ids are exact in a float below 2^24.
enum DelayColumn : std::int32_t {
  noted_step = 0,
  told_size = 1,
  plan_next = 2,
  plan_size = 3,
  delay_columns = 4
};

template <class T>
View<const T> all_of(std::vector<T>& values, std::int32_t rows, std::int32_t width) {
  return {values.data(), rows, width};
}

/// The step whose answer is told at step k; negative: none.
std::int32_t told_step(std::int32_t k, std::int32_t delay, std::int32_t onset) {
  if (k < onset) return k - 1;
  const std::int32_t step = k - 1 - delay;
  return step >= onset - 1 ? step : -1;
}

}  // namespace

struct DelayedPolicy::Scratch final : Workspace {
  std::unique_ptr<Workspace> policy;
  std::vector<ItemId> history, last_items;
  std::vector<std::int32_t> history_size;
  std::vector<std::uint8_t> last_feedback;
};

/// A row's own columns.
struct DelayedPolicy::Memory {
  std::span<float> head;      ///< DelayColumn
  std::span<float> history;   ///< [capacity] as it is told
  std::span<float> items;     ///< [a + 1, slots] of step s in row s mod (a + 1)
  std::span<float> feedback;  ///< [a + 1, slots]
  std::span<float> plan;      ///< [width] of path policies
};

DelayedPolicy::DelayedPolicy(std::shared_ptr<const Policy> policy, const Perturbation& delay,
                             std::size_t place, const EnvSpec& world)
    : policy_(std::move(policy)),
      delay_(delay),
      place_(place),
      steps_(static_cast<std::int32_t>(delay.intensity)),
      capacity_(world.history_capacity),
      slots_(world.slots),
      spec_(policy_->spec()) {
  inner_width_ = spec_.state_width;
  const bool plans = spec_.action == ActionKind::path;
  spec_.state_width += delay_columns + capacity_ + 2 * (steps_ + 1) * slots_ + (plans ? spec_.width : 0);
  // Answers have to be noted at every step, whether or not the policy plans then.
  spec_.closed_loop = spec_.closed_loop || plans;
}

std::unique_ptr<Workspace> DelayedPolicy::make_workspace(const WorkspaceShape& shape) const {
  auto out = std::make_unique<Scratch>();
  out->policy = policy_->make_workspace(shape);
  return out;
}

DelayedPolicy::Memory DelayedPolicy::memory_of(const PolicyState& state, std::int32_t row) const {
  std::span<float> rest = state.values.row(row).subspan(at(inner_width_));
  const auto next = [&rest](std::int32_t count) {
    const std::span<float> out = rest.first(at(count));
    rest = rest.subspan(at(count));
    return out;
  };
  Memory out;
  out.head = next(delay_columns);
  out.history = next(capacity_);
  out.items = next((steps_ + 1) * slots_);
  out.feedback = next((steps_ + 1) * slots_);
  if (spec_.action == ActionKind::path) out.plan = next(spec_.width);
  return out;
}

DelayedPolicy::Scratch& DelayedPolicy::claim(const Observation& seen, const PolicyState& state) const {
  auto& own = static_cast<Scratch&>(state.workspace);
  if (own.owner != seen.shard_index) own.policy->owner = -1;
  own.owner = seen.shard_index;
  return own;
}

PolicyState DelayedPolicy::inner_state(const PolicyState& state, Scratch& scratch) const {
  return {View<float>(state.values.data(), state.values.rows(), inner_width_, state.values.stride()),
          *scratch.policy};
}

/// Notes the answer of the day, and moves the history that is told by the one whose time has come.
void DelayedPolicy::hear(std::int32_t row, const Observation& seen, const PolicyState& state) const {
  const Memory own = memory_of(state, row);
  const auto step = static_cast<std::int32_t>(seen.step(row));
  if (step <= static_cast<std::int32_t>(own.head[noted_step])) return;
  own.head[noted_step] = static_cast<float>(step);
  const auto place_of = [&](std::int32_t s) { return at(s % (steps_ + 1) * slots_); };
  for (std::int32_t slot = 0; slot < slots_; ++slot) {
    own.items[place_of(step - 1) + at(slot)] = static_cast<float>(seen.last_items(row, slot));
    own.feedback[place_of(step - 1) + at(slot)] = static_cast<float>(seen.last_feedback(row, slot));
  }
  const std::int32_t told = told_step(step, steps_, delay_.schedule.onset);
  if (told < 0) return;
  for (std::int32_t slot = 0; slot < slots_; ++slot) {
    const float item = own.items[place_of(told) + at(slot)];
    const auto answer = static_cast<std::uint8_t>(own.feedback[place_of(told) + at(slot)]);
    if (static_cast<ItemId>(item) == no_item || (answer & feedback::accepted) == 0) continue;
    auto size = static_cast<std::size_t>(own.head[told_size]);
    if (size == own.history.size()) {
      std::shift_left(own.history.begin(), own.history.end(), 1);
      --size;
    }
    own.history[size++] = item;
    own.head[told_size] = static_cast<float>(size);
  }
}

Observation DelayedPolicy::told(const Observation& seen, const PolicyState& state, Scratch& scratch) const {
  const std::int32_t rows = seen.rows();
  scratch.history.assign(at(rows) * at(capacity_), no_item);
  scratch.history_size.assign(at(rows), 0);
  scratch.last_items.assign(at(rows) * at(slots_), no_item);
  scratch.last_feedback.assign(at(rows) * at(slots_), feedback::refused);
  for (std::int32_t row = 0; row < rows; ++row) {
    const auto history = scratch.history.begin() + std::ptrdiff_t{row} * capacity_;
    const std::size_t last = at(row) * at(slots_);
    if (!is_affected(delay_, place_, seen.key(row))) {
      std::ranges::copy(seen.history.row(row), history);
      scratch.history_size[at(row)] = seen.history_size(row);
      for (std::int32_t slot = 0; slot < slots_; ++slot) {
        scratch.last_items[last + at(slot)] = seen.last_items(row, slot);
        scratch.last_feedback[last + at(slot)] = seen.last_feedback(row, slot);
      }
      continue;
    }
    const Memory own = memory_of(state, row);
    const auto size = static_cast<std::int32_t>(own.head[told_size]);
    std::transform(own.history.begin(), own.history.begin() + size, history,
                   [](float item) { return static_cast<ItemId>(item); });
    scratch.history_size[at(row)] = size;
    const std::int32_t step =
        told_step(static_cast<std::int32_t>(own.head[noted_step]), steps_, delay_.schedule.onset);
    if (step < 0) continue;
    const std::size_t from = at(step % (steps_ + 1) * slots_);
    for (std::size_t slot = 0; slot < at(slots_); ++slot) {
      scratch.last_items[last + slot] = static_cast<ItemId>(own.items[from + slot]);
      scratch.last_feedback[last + slot] = static_cast<std::uint8_t>(own.feedback[from + slot]);
    }
  }
  Observation out = seen;
  out.history = all_of(scratch.history, rows, capacity_);
  out.history_size = all_of(scratch.history_size, rows, 1);
  out.last_items = all_of(scratch.last_items, rows, slots_);
  out.last_feedback = all_of(scratch.last_feedback, rows, slots_);
  return out;
}

void DelayedPolicy::begin(Rows rows, const Observation& seen, PolicyState& state) const {
  Scratch& scratch = claim(seen, state);
  for (const std::int32_t row : rows) {
    const Memory own = memory_of(state, row);
    std::ranges::fill(own.head, 0.0F);
    own.head[noted_step] = static_cast<float>(seen.step(row));
    own.head[told_size] = static_cast<float>(seen.history_size(row));
    std::ranges::transform(seen.history.row(row), own.history.begin(),
                           [](ItemId item) { return static_cast<float>(item); });
  }
  PolicyState inner = inner_state(state, scratch);
  policy_->begin(rows, told(seen, state, scratch), inner);
}

void DelayedPolicy::act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions,
                        Mode mode) const {
  Scratch& scratch = claim(seen, state);
  for (const std::int32_t row : rows) {
    if (seen.active(row) != 0) hear(row, seen, state);
  }
  const Observation old = told(seen, state, scratch);
  PolicyState inner = inner_state(state, scratch);
  if (spec_.action == ActionKind::path) {
    act_by_plan(rows, old, inner, state, actions, mode);
  } else {
    policy_->act(rows, old, inner, actions, mode);
  }
}

/// As the engine does for path policies: those whose plan is used up plan anew, the others go on.
void DelayedPolicy::act_by_plan(Rows rows, const Observation& told, PolicyState& inner,
                                const PolicyState& own, Actions& actions, Mode mode) const {
  std::vector<std::int32_t> needy;
  for (const std::int32_t row : rows) {
    const std::span<const float> head = memory_of(own, row).head;
    if (policy_->spec().closed_loop || head[plan_next] >= head[plan_size]) needy.push_back(row);
  }
  if (!needy.empty()) policy_->act(needy, told, inner, actions, mode);
  auto next = needy.begin();
  for (const std::int32_t row : rows) {
    const Memory memory = memory_of(own, row);
    if (next != needy.end() && *next == row) {
      ++next;
      memory.head[plan_next] = 0.0F;
      // What is no size the engine refuses by itself.
      memory.head[plan_size] = static_cast<float>(std::clamp(actions.plan_size(row), 0, spec_.width));
      std::ranges::transform(actions.items.row(row).first(memory.plan.size()), memory.plan.begin(),
                             [](ItemId item) { return static_cast<float>(item); });
    } else {
      const auto first = static_cast<std::size_t>(memory.head[plan_next]),
                 last = static_cast<std::size_t>(memory.head[plan_size]);
      for (std::size_t i = first; i < last; ++i) {
        actions.items(row, static_cast<std::int32_t>(i - first)) = static_cast<ItemId>(memory.plan[i]);
      }
      actions.plan_size(row) = static_cast<std::int32_t>(last - first);
    }
    memory.head[plan_next] += 1.0F;
  }
}

std::shared_ptr<const Policy> with_delays(std::shared_ptr<const Policy> policy,
                                          const std::vector<Perturbation>& perturbations,
                                          const EnvSpec& world) {
  for (std::size_t i = 0; i < perturbations.size(); ++i) {
    if (perturbations[i].kind != PerturbationKind::delayed_feedback) continue;
    policy = std::make_shared<const DelayedPolicy>(std::move(policy), perturbations[i], i, world);
  }
  return policy;
}

}  // namespace veer::stress

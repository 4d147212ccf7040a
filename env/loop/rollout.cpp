#include "env/loop/rollout.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <string>

#include "env/error.h"

namespace veer {
namespace {

std::size_t cells(std::int64_t rows, std::int32_t width) {
  return static_cast<std::size_t>(rows) * static_cast<std::size_t>(width);
}

/// Calls visit(name, column, width) for every column of `all`, in a fixed order.
template <class T, class Visit>
void for_each(T& all, const Visit& visit) {
  visit("episode", all.episode, 1);
  visit("step", all.step, 1);
  visit("user", all.user, 1);
  visit("target", all.target, 1);
  visit("history", all.history, all.history_width);
  visit("next_history", all.next_history, all.history_width);
  visit("history_size", all.history_size, 1);
  visit("next_history_size", all.next_history_size, 1);
  visit("observed", all.observed, all.features);
  visit("next_observed", all.next_observed, all.features);
  visit("items", all.items, all.slots);
  visit("action_reals", all.action_reals, all.reals);
  visit("feedback", all.feedback, all.slots);
  visit("log_prob", all.log_prob, 1);
  visit("memory", all.memory, all.policy_state);
  visit("reward", all.reward, 1);
  visit("terms", all.terms, all.reward_terms);
  visit("end", all.end, 1);
}

template <class T>
void copy_row(const std::vector<T>& source, std::int64_t from, std::vector<T>& target, std::int64_t to,
              std::int32_t width) noexcept {
  std::copy_n(source.begin() + from * width, width, target.begin() + to * width);
}

template <class T, class U>
void put_row(View<U> source, std::int32_t row, std::vector<T>& target, std::size_t index) {
  std::ranges::copy(source.row(row), target.begin() + static_cast<std::ptrdiff_t>(index) * source.width());
}

}  // namespace

void Transitions::resize(std::int32_t new_count, const BatchShape& shape) {
  history_width = shape.history_capacity;
  slots = shape.slots;
  reals = shape.reals;
  features = shape.features;
  reward_terms = shape.reward_terms;
  policy_state = shape.policy_state;
  resize(new_count, *this);
}

void Transitions::resize(std::int32_t new_count, const Transitions& like) {
  count = new_count;
  history_width = like.history_width;
  slots = like.slots;
  reals = like.reals;
  features = like.features;
  reward_terms = like.reward_terms;
  policy_state = like.policy_state;
  for_each(*this, [&](const char*, auto& values, std::int32_t width) { values.resize(cells(count, width)); });
}

void Transitions::copy_from(const Transitions& source, std::int64_t from, std::int64_t to) noexcept {
  copy_row(source.episode, from, episode, to, 1);
  copy_row(source.step, from, step, to, 1);
  copy_row(source.user, from, user, to, 1);
  copy_row(source.target, from, target, to, 1);
  copy_row(source.history, from, history, to, history_width);
  copy_row(source.next_history, from, next_history, to, history_width);
  copy_row(source.history_size, from, history_size, to, 1);
  copy_row(source.next_history_size, from, next_history_size, to, 1);
  copy_row(source.observed, from, observed, to, features);
  copy_row(source.next_observed, from, next_observed, to, features);
  copy_row(source.items, from, items, to, slots);
  copy_row(source.action_reals, from, action_reals, to, reals);
  copy_row(source.feedback, from, feedback, to, slots);
  copy_row(source.log_prob, from, log_prob, to, 1);
  copy_row(source.memory, from, memory, to, policy_state);
  copy_row(source.reward, from, reward, to, 1);
  copy_row(source.terms, from, terms, to, reward_terms);
  copy_row(source.end, from, end, to, 1);
}

void Transitions::for_each_column(
    const std::function<void(std::string_view name, std::span<std::byte>)>& visit) {
  for_each(*this, [&](const char* name, auto& values, std::int32_t) {
    visit(name, std::as_writable_bytes(std::span(values)));
  });
}

Rollout::Rollout(const BatchShape& shape, std::int32_t steps) : shape_(shape), steps_(steps) {
  if (std::int64_t{steps} * shape.rows > std::numeric_limits<std::int32_t>::max()) {
    throw ConfigError("rollout: found " + std::to_string(steps) + " steps of " + std::to_string(shape.rows) +
                      " rows; expected at most 2^31 - 1 transitions; collect fewer steps at a time");
  }
  data_.resize(steps * shape.rows, shape);
}

void Rollout::gather(std::span<const std::int64_t> indices, Transitions& out) const {
  out.resize(static_cast<std::int32_t>(indices.size()), shape_);
  for (std::int32_t i = 0; i < out.count; ++i) {
    const std::int64_t from = indices[static_cast<std::size_t>(i)];
    assert(from >= 0 && from < size());
    out.copy_from(data_, from, i);
  }
}

void Rollout::store_before(std::int32_t step, std::int32_t first_row, const Shard& shard) noexcept {
  const std::int32_t count = std::min(shard.rows(), shape_.rows - first_row);
  for (std::int32_t row = 0; row < count; ++row) {
    const auto i = static_cast<std::size_t>(std::int64_t{step} * shape_.rows + first_row + row);
    data_.episode[i] = shard.episode(row);
    data_.step[i] = shard.step(row);
    data_.user[i] = shard.user(row);
    data_.target[i] = shard.target(row);
    put_row(shard.history, row, data_.history, i);
    data_.history_size[i] = shard.history_size(row);
    put_row(shard.features, row, data_.observed, i);
  }
}

void Rollout::store_after(std::int32_t step, std::int32_t first_row, const Shard& shard) noexcept {
  const std::int32_t count = std::min(shard.rows(), shape_.rows - first_row);
  for (std::int32_t row = 0; row < count; ++row) {
    const auto i = static_cast<std::size_t>(std::int64_t{step} * shape_.rows + first_row + row);
    put_row(shard.history, row, data_.next_history, i);
    data_.next_history_size[i] = shard.history_size(row);
    put_row(shard.features, row, data_.next_observed, i);
    put_row(shard.items, row, data_.items, i);
    put_row(shard.reals, row, data_.action_reals, i);
    put_row(shard.policy_state, row, data_.memory, i);
    put_row(shard.feedback, row, data_.feedback, i);
    data_.log_prob[i] = shard.log_prob(row);
    data_.reward[i] = shard.reward(row);
    put_row(shard.reward_terms, row, data_.terms, i);
    data_.end[i] = shard.end(row);
  }
}

}  // namespace veer

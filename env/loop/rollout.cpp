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

/// Copies row `from` of a flat matrix to row `to` of another.
template <class T>
void copy_row(const std::vector<T>& source, std::int64_t from, std::vector<T>& target, std::int32_t to,
              std::int32_t width) {
  std::copy_n(source.begin() + from * width, width, target.begin() + std::ptrdiff_t{to} * width);
}

template <class T, class U>
void put_row(View<U> source, std::int32_t row, std::vector<T>& target, std::size_t index) {
  std::ranges::copy(source.row(row), target.begin() + static_cast<std::ptrdiff_t>(index) * source.width());
}

}  // namespace

void Transitions::resize(std::int32_t new_count, const BatchShape& shape) {
  count = new_count;
  history_width = shape.history_capacity;
  slots = shape.slots;
  reals = shape.reals;
  features = shape.features;
  reward_terms = shape.reward_terms;
  const auto n = static_cast<std::size_t>(count);
  episode.resize(n);
  step.resize(n);
  user.resize(n);
  target.resize(n);
  history.resize(cells(count, history_width));
  next_history.resize(cells(count, history_width));
  history_size.resize(n);
  next_history_size.resize(n);
  observed.resize(cells(count, features));
  next_observed.resize(cells(count, features));
  items.resize(cells(count, slots));
  action_reals.resize(cells(count, reals));
  feedback.resize(cells(count, slots));
  log_prob.resize(n);
  reward.resize(n);
  terms.resize(cells(count, reward_terms));
  end.resize(n);
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
    copy_row(data_.episode, from, out.episode, i, 1);
    copy_row(data_.step, from, out.step, i, 1);
    copy_row(data_.user, from, out.user, i, 1);
    copy_row(data_.target, from, out.target, i, 1);
    copy_row(data_.history, from, out.history, i, out.history_width);
    copy_row(data_.next_history, from, out.next_history, i, out.history_width);
    copy_row(data_.history_size, from, out.history_size, i, 1);
    copy_row(data_.next_history_size, from, out.next_history_size, i, 1);
    copy_row(data_.observed, from, out.observed, i, out.features);
    copy_row(data_.next_observed, from, out.next_observed, i, out.features);
    copy_row(data_.items, from, out.items, i, out.slots);
    copy_row(data_.action_reals, from, out.action_reals, i, out.reals);
    copy_row(data_.feedback, from, out.feedback, i, out.slots);
    copy_row(data_.log_prob, from, out.log_prob, i, 1);
    copy_row(data_.reward, from, out.reward, i, 1);
    copy_row(data_.terms, from, out.terms, i, out.reward_terms);
    copy_row(data_.end, from, out.end, i, 1);
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
    put_row(shard.feedback, row, data_.feedback, i);
    data_.log_prob[i] = shard.log_prob(row);
    data_.reward[i] = shard.reward(row);
    put_row(shard.reward_terms, row, data_.terms, i);
    data_.end[i] = shard.end(row);
  }
}

}  // namespace veer

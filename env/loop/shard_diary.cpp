#include "env/loop/shard_diary.h"

#include <algorithm>

namespace veer {
namespace {

std::ptrdiff_t offset(std::size_t cell, std::int32_t width) {
  return static_cast<std::ptrdiff_t>(cell) * width;
}
template <class T>
void extend(std::vector<T>& target, const std::vector<T>& source, std::size_t cell, std::int32_t width) {
  const auto first = source.begin() + offset(cell, width);
  target.insert(target.end(), first, first + width);
}

}  // namespace

ShardDiary::ShardDiary(const BatchShape& shape, const EnvSpec& spec)
    : shape_(shape), horizon_(spec.horizon), history_width_(spec.history_length) {
  const auto cells = static_cast<std::size_t>(shape.shard_rows) * static_cast<std::size_t>(spec.horizon);
  items_.resize(cells * static_cast<std::size_t>(shape.slots));
  feedback_.resize(items_.size());
  probability_.resize(items_.size());
  log_prob_.resize(cells);
  reals_.resize(cells * static_cast<std::size_t>(shape.reals));
  modifiers_.resize(cells * at(shape.modifiers));
  start_modifiers_.resize(at(shape.shard_rows) * at(shape.modifiers));
  returned_.resize(static_cast<std::size_t>(shape.shard_rows));
  history_.resize(static_cast<std::size_t>(shape.shard_rows) * static_cast<std::size_t>(history_width_));
  history_size_.resize(static_cast<std::size_t>(shape.shard_rows));
  done.slots = shape.slots;
  done.reals = shape.reals;
  done.history_width = history_width_;
  done.modifier_width = shape.modifiers;
}

void ShardDiary::begin(std::int32_t row, const Shard& shard) {
  returned_[at(row)] = 0.0;
  std::ranges::copy(shard.modifiers.row(row), start_modifiers_.begin() + offset(at(row), shape_.modifiers));
  history_size_[at(row)] = std::min(shard.history_size(row), history_width_);
  for (std::int32_t i = 0; i < history_width_; ++i) {
    history_[at(row) * at(history_width_) + at(i)] =
        i < shard.history.width() ? shard.history(row, i) : no_item;
  }
}

void ShardDiary::note(std::int32_t row, const Shard& shard) {
  const std::size_t cell = at(row) * at(horizon_) + shard.step(row);
  std::ranges::copy(shard.items.row(row), items_.begin() + offset(cell, shape_.slots));
  std::ranges::copy(shard.feedback.row(row), feedback_.begin() + offset(cell, shape_.slots));
  std::ranges::copy(shard.probability.row(row), probability_.begin() + offset(cell, shape_.slots));
  std::ranges::copy(shard.reals.row(row), reals_.begin() + offset(cell, shape_.reals));
  std::ranges::copy(shard.modifiers.row(row), modifiers_.begin() + offset(cell, shape_.modifiers));
  log_prob_[cell] = shard.log_prob(row);
  // The step at which a policy stops is no step of the path, so its reward is none of the path's.
  if (shard.end(row) != EndReason::policy_stopped) returned_[at(row)] += double{shard.reward(row)};
}

void ShardDiary::finish(std::int32_t row, const Shard& shard) {
  const EndReason reason = shard.end(row);
  const auto taken = static_cast<std::int32_t>(shard.step(row)) + 1;
  const std::int32_t length = reason == EndReason::policy_stopped ? taken - 1 : taken;
  done.episode_id.push_back(shard.episode(row));
  done.first_step.push_back(done.steps());
  done.length.push_back(length);
  done.episode_user.push_back(shard.user(row));
  done.episode_target.push_back(shard.target(row));
  done.end.push_back(reason);
  done.episode_return.push_back(static_cast<float>(returned_[at(row)]));
  done.history_size.push_back(history_size_[at(row)]);
  extend(done.start_modifiers, start_modifiers_, at(row), shape_.modifiers);
  const auto history = history_.begin() + offset(at(row), history_width_);
  done.history.insert(done.history.end(), history, history + history_width_);
  for (std::int32_t k = 0; k < length; ++k) {
    const std::size_t cell = at(row) * at(horizon_) + at(k);
    done.episode.push_back(shard.episode(row));
    done.step.push_back(static_cast<std::uint32_t>(k));
    done.user.push_back(shard.user(row));
    done.target.push_back(shard.target(row));
    done.log_prob.push_back(log_prob_[cell]);
    extend(done.items, items_, cell, shape_.slots);
    extend(done.feedback, feedback_, cell, shape_.slots);
    extend(done.probability, probability_, cell, shape_.slots);
    extend(done.action_reals, reals_, cell, shape_.reals);
    extend(done.modifiers, modifiers_, cell, shape_.modifiers);
  }
}

}  // namespace veer

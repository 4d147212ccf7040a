#include "simulators/explanation.h"

#include <algorithm>
#include <cassert>
#include <memory>

#include "env/error.h"
#include "simulators/long_run/roll.h"

namespace veer {
namespace {

void require_single_items(const Trajectories& paths) {
  if (paths.slots == 1) return;
  throw ConfigError("explaining a path: found " + std::to_string(paths.slots) +
                    " items per step; expected 1: slates have no single path");
}

std::span<const ItemId> history_of(const Trajectories& paths, std::int64_t episode) {
  return std::span(paths.history)
      .subspan(at(episode * paths.history_width), at(paths.history_size[at(episode)]));
}

}  // namespace

const NamesMechanisms* mechanisms_of(const UserModel& model) noexcept {
  return dynamic_cast<const NamesMechanisms*>(&model);
}

PathExplanation explain_path(const UserModel& model, const Trajectories& paths, std::int64_t episode) {
  const NamesMechanisms* told = mechanisms_of(model);
  if (told == nullptr) {
    throw ConfigError("explaining a path: found a model of kind " + model.spec().kind +
                      ", whose steps encode the history anew; expected one that names its mechanisms");
  }
  require_single_items(paths);
  const std::int64_t first = paths.first_step[at(episode)];
  const std::int32_t steps = paths.length[at(episode)];
  const std::span<const ItemId> history = history_of(paths, episode);
  PathExplanation out;
  out.mechanisms.assign(told->mechanisms().begin(), told->mechanisms().end());
  const auto count = static_cast<std::int32_t>(out.mechanisms.size());
  out.parts.assign(at(steps) * at(count), 0.0);

  // Row 0 is the person; row 1 + m is a copy of them from when mechanism m had acted in this step.
  const std::int32_t shard_rows = (1 + count + 31) / 32 * 32;
  Batch batch({.rows = shard_rows,
               .shard_rows = shard_rows,
               .history_capacity = static_cast<std::int32_t>(history.size()) + steps,
               .user_state = model.spec().state_width,
               .modifiers = paths.modifier_width},
              paths.seed);
  Shard shard = batch.shard(0);
  const auto workspace =
      model.make_workspace({shard_rows, batch.shape().history_capacity, 1, std::max(1, steps)});
  for (std::int32_t row = 0; row <= count; ++row) {
    shard.user(row) = paths.episode_user[at(episode)];
    shard.target(row) = paths.episode_target[at(episode)];
    shard.episode(row) = paths.episode_id[at(episode)];
    shard.active(row) = 1;
  }
  std::ranges::copy(history, shard.history.row(0).begin());
  shard.history_size(0) = static_cast<std::int32_t>(history.size());
  const auto set_knobs = [&](const std::vector<float>& from, std::int64_t row) {
    const auto begin = from.begin() + row * paths.modifier_width;
    std::copy(begin, begin + paths.modifier_width, shard.modifiers.row(0).begin());
  };
  const std::vector<std::int32_t> person{0};
  set_knobs(paths.start_modifiers, episode);
  model.begin(person, shard, *workspace);
  model.measure(person, shard, *workspace);
  out.start_interest = shard.interest(0);

  std::vector<std::int32_t> measured;
  std::vector<std::int32_t> moments;  // rows of copies, in the order in which they were made
  for (std::int32_t step = 0; step < steps; ++step) {
    float before = shard.interest(0);
    const ItemId item = paths.items[at(first + step)];
    shard.last_item(0) = shard.history_size(0) > 0 ? shard.history(0, shard.history_size(0) - 1) : no_item;
    shard.items(0) = item;
    shard.feedback(0) = paths.feedback[at(first + step)];
    if (item != no_item && (shard.feedback(0) & feedback::accepted) != 0) append_history(shard, 0, item);
    set_knobs(paths.modifiers, first + step);
    moments.clear();
    told->advance_told(0, shard, [&](std::size_t mechanism) {
      const std::vector<std::int32_t> copy{static_cast<std::int32_t>(mechanism) + 1};
      model.copy_state(person, copy, shard, *workspace);
      moments.push_back(copy.front());
    });
    measured = moments;
    measured.push_back(0);
    std::ranges::sort(measured);
    model.measure(measured, shard, *workspace);
    for (const std::int32_t row : moments) {
      out.parts[at(step) * at(count) + at(row - 1)] = double{shard.interest(row)} - double{before};
      before = shard.interest(row);
    }
    out.interest.push_back(shard.interest(0));
    ++shard.step(0);
  }
  return out;
}

Trajectories without_guidance(const UserModel& model, const Trajectories& paths, std::int64_t episode,
                              std::int32_t rest) {
  require_single_items(paths);
  Trajectories alone = cut(paths, episode, episode + 1);
  alone.judges.clear();
  alone.items = long_run::roll_forward_from(
      model, {alone.episode_user[0], alone.episode_id[0], history_of(alone, 0)},
      {.steps = alone.length[0], .seed = alone.seed, .rest = rest, .shard_rows = 32});
  std::ranges::fill(alone.feedback, feedback::accepted);
  std::ranges::fill(alone.probability, 1.0F);
  std::ranges::fill(alone.log_prob, 0.0F);
  alone.end[0] = EndReason::horizon;
  judge_paths(model, "alone", alone);
  return alone;
}

}  // namespace veer

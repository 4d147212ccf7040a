#include "env/loop/trajectories.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <numeric>
#include <span>

#include "env/error.h"
#include "env/path_scoring.h"

namespace veer {
namespace {

template <class T>
void append_to(std::vector<T>& target, const std::vector<T>& source) {
  target.insert(target.end(), source.begin(), source.end());
}

/// Appends rows [first, last) of a flat matrix.
template <class T>
void append_rows(std::vector<T>& target, const std::vector<T>& source, std::int64_t first, std::int64_t last,
                 std::int32_t width) {
  target.insert(target.end(), source.begin() + first * width, source.begin() + last * width);
}

}  // namespace

std::size_t Trajectories::bytes() const noexcept {
  const auto all = [](const auto&... columns) { return (std::span(columns).size_bytes() + ...); };
  std::size_t out =
      all(episode, step, user, target, items, feedback, probability, log_prob, action_reals, modifiers) +
      all(episode_id, first_step, length, episode_user, episode_target, history, history_size, end,
          start_modifiers, episode_return);
  for (const JudgeScores& judge : judges) {
    out += all(judge.acceptance, judge.interest, judge.rank, judge.start_interest, judge.start_rank,
               judge.acceptance_deviation, judge.interest_deviation);
  }
  return out;
}

void Trajectories::append(const Trajectories& other) {
  if (episodes() == 0 && judges.empty()) {
    *this = other;
    return;
  }
  assert(slots == other.slots && reals == other.reals && history_width == other.history_width &&
         modifier_width == other.modifier_width);
  assert(judges.size() == other.judges.size());
  const std::int64_t steps_before = steps();
  append_to(episode, other.episode);
  append_to(step, other.step);
  append_to(user, other.user);
  append_to(target, other.target);
  append_to(items, other.items);
  append_to(feedback, other.feedback);
  append_to(probability, other.probability);
  append_to(log_prob, other.log_prob);
  append_to(action_reals, other.action_reals);
  append_to(modifiers, other.modifiers);
  append_to(episode_id, other.episode_id);
  for (const std::int64_t first : other.first_step) first_step.push_back(first + steps_before);
  append_to(length, other.length);
  append_to(episode_user, other.episode_user);
  append_to(episode_target, other.episode_target);
  append_to(history, other.history);
  append_to(history_size, other.history_size);
  append_to(end, other.end);
  append_to(start_modifiers, other.start_modifiers);
  append_to(episode_return, other.episode_return);
  for (std::size_t j = 0; j < judges.size(); ++j) {
    append_to(judges[j].acceptance, other.judges[j].acceptance);
    append_to(judges[j].interest, other.judges[j].interest);
    append_to(judges[j].rank, other.judges[j].rank);
    append_to(judges[j].start_interest, other.judges[j].start_interest);
    append_to(judges[j].start_rank, other.judges[j].start_rank);
    append_to(judges[j].acceptance_deviation, other.judges[j].acceptance_deviation);
    append_to(judges[j].interest_deviation, other.judges[j].interest_deviation);
  }
}

namespace {

/// No episodes, and the widths of `from`.
Trajectories empty_like(const Trajectories& from) {
  Trajectories to;
  to.seed = from.seed;
  to.slots = from.slots;
  to.reals = from.reals;
  to.history_width = from.history_width;
  to.modifier_width = from.modifier_width;
  return to;
}

/// Appends the steps [first, last) of `from`.
void append_steps(Trajectories& to, const Trajectories& from, std::int64_t first, std::int64_t last) {
  append_rows(to.episode, from.episode, first, last, 1);
  append_rows(to.step, from.step, first, last, 1);
  append_rows(to.user, from.user, first, last, 1);
  append_rows(to.target, from.target, first, last, 1);
  append_rows(to.items, from.items, first, last, from.slots);
  append_rows(to.feedback, from.feedback, first, last, from.slots);
  append_rows(to.probability, from.probability, first, last, from.slots);
  append_rows(to.log_prob, from.log_prob, first, last, 1);
  append_rows(to.action_reals, from.action_reals, first, last, from.reals);
  append_rows(to.modifiers, from.modifiers, first, last, from.modifier_width);
}

/// Appends the episode table's rows [first, last) of `from`, all but first_step.
void append_episodes(Trajectories& to, const Trajectories& from, std::int64_t first, std::int64_t last) {
  append_rows(to.episode_id, from.episode_id, first, last, 1);
  append_rows(to.length, from.length, first, last, 1);
  append_rows(to.episode_user, from.episode_user, first, last, 1);
  append_rows(to.episode_target, from.episode_target, first, last, 1);
  append_rows(to.history, from.history, first, last, from.history_width);
  append_rows(to.history_size, from.history_size, first, last, 1);
  append_rows(to.end, from.end, first, last, 1);
  append_rows(to.start_modifiers, from.start_modifiers, first, last, from.modifier_width);
  append_rows(to.episode_return, from.episode_return, first, last, 1);
}

}  // namespace

Trajectories in_order_of_ids(const Trajectories& from) {
  assert(from.judges.empty());
  std::vector<std::size_t> order(from.episode_id.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t e) { return from.episode_id[e]; });
  Trajectories to = empty_like(from);
  for (const std::size_t e : order) {
    const std::int64_t first = from.first_step[e];
    to.first_step.push_back(to.steps());
    append_steps(to, from, first, first + from.length[e]);
    append_episodes(to, from, static_cast<std::int64_t>(e), static_cast<std::int64_t>(e) + 1);
  }
  return to;
}

Trajectories first_steps(const Trajectories& from, std::int32_t most) {
  assert(most >= 1);
  Trajectories to = empty_like(from);
  for (const JudgeScores& scores : from.judges) {
    to.judges.push_back({.judge = scores.judge,
                         .acceptance = {},
                         .interest = {},
                         .rank = {},
                         .start_interest = scores.start_interest,
                         .start_rank = scores.start_rank});
  }
  append_episodes(to, from, 0, from.episodes());
  for (std::size_t e = 0; e < from.first_step.size(); ++e) {
    const std::int64_t first = from.first_step[e], last = first + std::min(from.length[e], most);
    to.first_step.push_back(to.steps());
    append_steps(to, from, first, last);
    if (from.length[e] > most) {
      to.length[e] = most;
      to.end[e] = EndReason::horizon;
      to.episode_return[e] = std::numeric_limits<float>::quiet_NaN();
    }
    for (std::size_t j = 0; j < from.judges.size(); ++j) {
      const JudgeScores& scores = from.judges[j];
      append_rows(to.judges[j].acceptance, scores.acceptance, first, last, 1);
      append_rows(to.judges[j].interest, scores.interest, first, last, 1);
      append_rows(to.judges[j].rank, scores.rank, first, last, 1);
      if (scores.acceptance_deviation.empty()) continue;
      append_rows(to.judges[j].acceptance_deviation, scores.acceptance_deviation, first, last, 1);
      append_rows(to.judges[j].interest_deviation, scores.interest_deviation, first, last, 1);
    }
  }
  return to;
}

Trajectories cut(const Trajectories& from, std::int64_t first, std::int64_t last) {
  assert(0 <= first && first <= last && last <= from.episodes());
  const auto step_of = [&](std::int64_t e) {
    return e == from.episodes() ? from.steps() : from.first_step[static_cast<std::size_t>(e)];
  };
  const std::int64_t first_step = step_of(first), last_step = step_of(last);
  Trajectories to = empty_like(from);
  append_steps(to, from, first_step, last_step);
  append_episodes(to, from, first, last);
  for (std::int64_t e = first; e < last; ++e) to.first_step.push_back(step_of(e) - first_step);
  for (const JudgeScores& scores : from.judges) {
    JudgeScores part;
    part.judge = scores.judge;
    append_rows(part.acceptance, scores.acceptance, first_step, last_step, 1);
    append_rows(part.interest, scores.interest, first_step, last_step, 1);
    append_rows(part.rank, scores.rank, first_step, last_step, 1);
    append_rows(part.start_interest, scores.start_interest, first, last, 1);
    append_rows(part.start_rank, scores.start_rank, first, last, 1);
    if (!scores.acceptance_deviation.empty()) {
      append_rows(part.acceptance_deviation, scores.acceptance_deviation, first_step, last_step, 1);
      append_rows(part.interest_deviation, scores.interest_deviation, first_step, last_step, 1);
    }
    to.judges.push_back(std::move(part));
  }
  return to;
}

namespace {

/// PathQuery::modifiers of these paths; steps behind a path's end keep the last values.
std::vector<float> knobs_of(const Trajectories& paths, std::int32_t longest) {
  const std::int64_t width = paths.modifier_width;
  std::vector<float> knobs;
  knobs.reserve(static_cast<std::size_t>(paths.episodes() * (longest + 1) * width));
  for (std::int64_t e = 0; e < paths.episodes(); ++e) {
    const auto row = static_cast<std::size_t>(e);
    auto now = paths.start_modifiers.begin() + e * width;
    knobs.insert(knobs.end(), now, now + width);
    for (std::int32_t k = 0; k < longest; ++k) {
      if (k < paths.length[row]) now = paths.modifiers.begin() + (paths.first_step[row] + k) * width;
      knobs.insert(knobs.end(), now, now + width);
    }
  }
  return knobs;
}

}  // namespace

void judge_paths(const UserModel& judge, const std::string& name, Trajectories& paths,
                 std::int64_t cache_mb) {
  if (paths.slots != 1) {
    throw ConfigError("judging paths: found " + std::to_string(paths.slots) +
                      " items per step; expected 1: slates have no single path");
  }
  const auto episodes = static_cast<std::int32_t>(paths.episodes());
  std::int32_t longest = 1;
  for (const std::int32_t length : paths.length) longest = std::max(longest, length);

  // A rectangular copy, one row per episode: judges take matrices.
  const std::size_t cells = static_cast<std::size_t>(episodes) * static_cast<std::size_t>(longest);
  std::vector<ItemId> items(cells, no_item);
  std::vector<std::uint8_t> accepted(cells, 0);
  std::vector<std::int32_t> prompt(static_cast<std::size_t>(episodes));
  for (std::int32_t e = 0; e < episodes; ++e) {
    prompt[static_cast<std::size_t>(e)] = e;
    const std::int64_t first = paths.first_step[static_cast<std::size_t>(e)];
    for (std::int32_t k = 0; k < paths.length[static_cast<std::size_t>(e)]; ++k) {
      const std::size_t to =
          static_cast<std::size_t>(e) * static_cast<std::size_t>(longest) + static_cast<std::size_t>(k);
      items[to] = paths.items[static_cast<std::size_t>(first + k)];
      accepted[to] = paths.feedback[static_cast<std::size_t>(first + k)] & feedback::accepted;
    }
  }
  const std::vector<float> knobs = knobs_of(paths, longest);
  const std::int32_t knob_width = (longest + 1) * paths.modifier_width;
  std::vector<float> acceptance(cells), interest(cells);
  std::vector<std::int32_t> rank(cells);
  std::vector<float> acceptance_deviation, interest_deviation;  // empty views where they are
  if (judge.spec().members > 1) {
    acceptance_deviation.resize(cells);
    interest_deviation.resize(cells);
  }
  const auto matrix = [&](auto& values) {
    return View(values.data(), values.empty() ? 0 : episodes, longest);
  };
  JudgeScores scores;
  scores.judge = name;
  scores.start_interest.resize(static_cast<std::size_t>(episodes));
  scores.start_rank.resize(static_cast<std::size_t>(episodes));

  score_paths_parallel(judge,
                       {.seed = paths.seed,
                        .history = {paths.history.data(), episodes, paths.history_width},
                        .history_size = paths.history_size,
                        .user = paths.episode_user,
                        .target = paths.episode_target,
                        .episode = paths.episode_id,
                        .prompt = prompt,
                        .items = {items.data(), episodes, longest},
                        .accepted = {accepted.data(), episodes, longest},
                        .length = paths.length,
                        .modifiers = {knobs.data(), knob_width == 0 ? 0 : episodes, knob_width}},
                       {.acceptance = matrix(acceptance),
                        .interest = matrix(interest),
                        .rank = matrix(rank),
                        .start_interest = scores.start_interest,
                        .start_rank = scores.start_rank,
                        .acceptance_deviation = matrix(acceptance_deviation),
                        .interest_deviation = matrix(interest_deviation)},
                       32, cache_mb);

  const auto take = [&](const auto& from, auto& to) {
    if (from.empty()) return;
    to.reserve(static_cast<std::size_t>(paths.steps()));
    for (std::int32_t e = 0; e < episodes; ++e) {
      const auto first = from.begin() + static_cast<std::ptrdiff_t>(e) * longest;
      to.insert(to.end(), first, first + paths.length[static_cast<std::size_t>(e)]);
    }
  };
  take(acceptance, scores.acceptance);
  take(interest, scores.interest);
  take(rank, scores.rank);
  take(acceptance_deviation, scores.acceptance_deviation);
  take(interest_deviation, scores.interest_deviation);
  paths.judges.push_back(std::move(scores));
}

}  // namespace veer

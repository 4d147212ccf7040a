// One episode with given steps, for tests of what explains paths.
#pragma once

#include <vector>

#include "env/loop/trajectories.h"

namespace veer::test {

struct OnePath {
  std::uint64_t seed = 5;
  EpisodeId episode = 7;
  UserId user = 3;
  ItemId target = 9;
  std::vector<ItemId> history;
  std::vector<ItemId> items;
  std::vector<std::uint8_t> answers;
  std::vector<std::vector<float>> knobs{};  ///< per step; empty: the world has none
};

inline Trajectories trajectories_of(const OnePath& path) {
  const std::size_t steps = path.items.size();
  Trajectories t;
  t.seed = path.seed;
  t.history_width = static_cast<std::int32_t>(path.history.size());
  t.modifier_width = path.knobs.empty() ? 0 : static_cast<std::int32_t>(path.knobs.front().size());
  t.episode.assign(steps, path.episode);
  for (std::uint32_t k = 0; k < steps; ++k) t.step.push_back(k);
  t.user.assign(steps, path.user);
  t.target.assign(steps, path.target);
  t.items = path.items;
  t.feedback = path.answers;
  t.probability.assign(steps, 1.0F);
  t.log_prob.assign(steps, 0.0F);
  for (const auto& step : path.knobs) t.modifiers.insert(t.modifiers.end(), step.begin(), step.end());
  t.episode_id = {path.episode};
  t.first_step = {0};
  t.length = {static_cast<std::int32_t>(steps)};
  t.episode_user = {path.user};
  t.episode_target = {path.target};
  t.history = path.history;
  t.history_size = {t.history_width};
  t.end = {EndReason::horizon};
  t.start_modifiers.assign(static_cast<std::size_t>(t.modifier_width), 1.0F);
  t.episode_return = {0.0F};
  return t;
}

}  // namespace veer::test

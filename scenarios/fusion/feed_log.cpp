#include "scenarios/fusion/feed_log.h"

#include <algorithm>
#include <span>
#include <vector>

namespace veer {

Transitions transitions_of(const FusionScenario& feed, const Trajectories& paths) {
  const FusionParameters& p = feed.parameters();
  BatchShape shape;
  shape.slots = 0;
  shape.features = feed.spec().features;
  shape.reals = feed.spec().reals;
  Transitions out;
  out.resize(static_cast<std::int32_t>(paths.steps()), shape);
  const std::size_t width = at(shape.features), reals = at(shape.reals), slots = at(paths.slots);
  std::vector<float> seen(width);
  std::size_t row = 0;
  for (std::size_t e = 0; e < at(paths.episodes()); ++e) {
    feed.first_features(paths.episode_user[e], seen);
    for (std::int64_t k = 0; k < paths.length[e]; ++k, ++row) {
      const std::size_t step = at(paths.first_step[e] + k);
      const std::span<const std::uint8_t> answers(paths.feedback.data() + step * slots, slots);
      std::ranges::copy(seen, out.observed.begin() + static_cast<std::ptrdiff_t>(row * width));
      feed.next_features(answers, k, seen);
      std::ranges::copy(seen, out.next_observed.begin() + static_cast<std::ptrdiff_t>(row * width));
      out.episode[row] = paths.episode[step];
      out.step[row] = static_cast<std::uint32_t>(k);
      out.user[row] = paths.episode_user[e];
      std::copy_n(paths.action_reals.data() + step * reals, reals, out.action_reals.data() + row * reals);
      out.log_prob[row] = paths.log_prob[step];
      out.reward[row] = fusion_reward(p.reward, answers);
      out.end[row] = k + 1 == paths.length[e] ? paths.end[e] : EndReason::running;
    }
  }
  return out;
}

}  // namespace veer

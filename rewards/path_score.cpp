#include "rewards/path_score.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>

namespace veer {
namespace {

constexpr float no_score = std::numeric_limits<float>::quiet_NaN();

std::span<const ItemId> history_of(const Trajectories& paths, std::size_t episode) {
  if (paths.history_size.empty()) return {};
  return std::span(paths.history)
      .subspan(episode * static_cast<std::size_t>(paths.history_width),
               static_cast<std::size_t>(paths.history_size[episode]));
}

}  // namespace

std::string_view name_of(PathMetric metric) noexcept {
  constexpr std::array<std::string_view, path_metrics> names = {"ioi",
                                                                "ior",
                                                                "ctr",
                                                                "coherence",
                                                                "coherence_target",
                                                                "acceptance_rate",
                                                                "reached",
                                                                "time_to_target",
                                                                "abandoned",
                                                                "length",
                                                                "disagreement",
                                                                "interest_disagreement",
                                                                "off_data",
                                                                "holds_target",
                                                                "holds_history",
                                                                "holds_repeat"};
  return names[static_cast<std::size_t>(metric)];
}

EpisodeScores score_episodes(const Trajectories& paths, const JudgeScores& judge,
                             const AttributeTable& attributes, std::span<const std::int32_t> support) {
  assert(paths.slots == 1);
  assert(support.empty() || support.size() == static_cast<std::size_t>(paths.steps()));
  assert(judge.interest.size() == static_cast<std::size_t>(paths.steps()));
  assert(judge.start_interest.size() == static_cast<std::size_t>(paths.episodes()));
  EpisodeScores scores(paths.episodes());
  for (std::size_t e = 0; e < static_cast<std::size_t>(paths.episodes()); ++e) {
    const auto first = static_cast<std::size_t>(paths.first_step[e]);
    const auto length = static_cast<std::size_t>(paths.length[e]);
    const ItemId target = paths.episode_target[e];
    const bool ensemble = !judge.acceptance_deviation.empty();
    double probability = 0.0, apart = 0.0, interest_apart = 0.0;
    int shown = 0, accepted = 0, pairs_sharing = 0, off_data = 0;
    float time_to_target = no_score;
    ItemId previous = no_item;
    const std::span shown_items = std::span(paths.items).subspan(first, length);
    const std::span<const ItemId> history = history_of(paths, e);
    bool holds_target = false, holds_history = false, holds_repeat = false;
    const auto holds = [](std::span<const ItemId> items, ItemId item) {
      return std::find(items.begin(), items.end(), item) != items.end();
    };
    for (std::size_t k = 0; k < length; ++k) {
      const ItemId item = paths.items[first + k];
      if (item == no_item) continue;  // a step in which the policy stopped
      ++shown;
      holds_target = holds_target || item == target;
      holds_history = holds_history || holds(history, item);
      holds_repeat = holds_repeat || holds(shown_items.first(k), item);
      probability += double{judge.acceptance[first + k]};
      if (ensemble) {
        apart += double{judge.acceptance_deviation[first + k]};
        interest_apart += double{judge.interest_deviation[first + k]};
      }
      if (!support.empty() && support[first + k] == 0) ++off_data;
      if ((paths.feedback[first + k] & feedback::accepted) == 0) continue;
      ++accepted;
      if (previous != no_item && attributes.share(previous, item)) ++pairs_sharing;
      previous = item;
      if (item == target && time_to_target != time_to_target) time_to_target = static_cast<float>(k + 1);
    }
    const bool target_shares = previous != no_item && attributes.share(previous, target);
    const auto set = [&](PathMetric metric, float value) { scores.of(metric)[e] = value; };
    const std::size_t last = first + length - 1;
    set(PathMetric::ioi, length == 0 ? 0.0F : judge.interest[last] - judge.start_interest[e]);
    set(PathMetric::ior, length == 0 ? 0.0F : static_cast<float>(judge.start_rank[e] - judge.rank[last]));
    set(PathMetric::ctr, shown == 0 ? 0.0F : static_cast<float>(probability / shown));
    set(PathMetric::coherence,
        accepted < 2 ? no_score : static_cast<float>(pairs_sharing) / static_cast<float>(accepted - 1));
    set(PathMetric::coherence_target,
        accepted == 0
            ? 0.0F
            : static_cast<float>(pairs_sharing + (target_shares ? 1 : 0)) / static_cast<float>(accepted));
    set(PathMetric::acceptance_rate,
        shown == 0 ? no_score : static_cast<float>(accepted) / static_cast<float>(shown));
    set(PathMetric::reached, time_to_target == time_to_target ? 1.0F : 0.0F);
    set(PathMetric::time_to_target, time_to_target);
    set(PathMetric::abandoned, paths.end[e] == EndReason::user_left ? 1.0F : 0.0F);
    set(PathMetric::length, static_cast<float>(shown));
    const auto per_item = [&](bool known, double sum) {
      return known && shown > 0 ? static_cast<float>(sum / shown) : no_score;
    };
    set(PathMetric::disagreement, per_item(ensemble, apart));
    set(PathMetric::interest_disagreement, per_item(ensemble, interest_apart));
    set(PathMetric::off_data, per_item(!support.empty(), off_data));
    set(PathMetric::holds_target, holds_target ? 1.0F : 0.0F);
    set(PathMetric::holds_history, holds_history ? 1.0F : 0.0F);
    set(PathMetric::holds_repeat, holds_repeat ? 1.0F : 0.0F);
  }
  return scores;
}

}  // namespace veer

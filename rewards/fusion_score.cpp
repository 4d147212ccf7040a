#include "rewards/fusion_score.h"

#include <array>
#include <limits>

#include "env/behaviours.h"

namespace veer {

std::string_view name_of(FusionMetric metric) noexcept {
  constexpr std::array<std::string_view, fusion_metrics> names = {
      "return", "length", "per_page", "click", "complete", "like", "gift", "dislike", "left"};
  return names[static_cast<std::size_t>(metric)];
}

FusionScores score_fusion(const Trajectories& episodes) {
  constexpr std::array counted{
      std::pair{FusionMetric::click, Behaviour::click},
      std::pair{FusionMetric::complete, Behaviour::complete}, std::pair{FusionMetric::like, Behaviour::like},
      std::pair{FusionMetric::gift, Behaviour::gift}, std::pair{FusionMetric::dislike, Behaviour::dislike}};
  constexpr float nothing = std::numeric_limits<float>::quiet_NaN();
  FusionScores scores(episodes.episodes());
  for (std::size_t e = 0; e < at(episodes.episodes()); ++e) {
    const auto first = at(episodes.first_step[e] * episodes.slots);
    const auto last = first + at(std::int64_t{episodes.length[e]} * episodes.slots);
    const auto pages = static_cast<float>(episodes.length[e]);
    const auto set = [&](FusionMetric metric, float value) { scores.of(metric)[e] = value; };
    set(FusionMetric::worth, episodes.episode_return[e]);
    set(FusionMetric::pages, pages);
    set(FusionMetric::per_page, pages == 0.0F ? nothing : episodes.episode_return[e] / pages);
    set(FusionMetric::left, episodes.end[e] == EndReason::user_left ? 1.0F : 0.0F);
    for (const auto& [metric, behaviour] : counted) {
      std::int64_t count = 0, shown = 0;
      for (std::size_t cell = first; cell < last; ++cell) {
        if (episodes.items[cell] == no_item) continue;
        ++shown;
        count += did(episodes.feedback[cell], behaviour) ? 1 : 0;
      }
      set(metric, shown == 0 ? nothing : static_cast<float>(count) / static_cast<float>(shown));
    }
  }
  return scores;
}

}  // namespace veer

#include "rewards/slate_score.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

namespace veer {
namespace {

constexpr float unknown_score = std::numeric_limits<float>::quiet_NaN();

/// 1 - mean cosine of the pairs of a slate; NaN for fewer than two items.
double diversity_within(std::span<const ItemId> slate, View<const float> vectors) {
  double sum = 0.0;
  int pairs = 0;
  const auto inner = [&](ItemId a, ItemId b) {
    double product = 0.0;
    for (std::int32_t c = 0; c < vectors.width(); ++c)
      product += double{vectors(a, c)} * double{vectors(b, c)};
    return product;
  };
  for (std::size_t i = 0; i < slate.size(); ++i) {
    for (std::size_t j = i + 1; j < slate.size(); ++j) {
      if (slate[i] == no_item || slate[j] == no_item) continue;
      const double lengths = std::sqrt(inner(slate[i], slate[i]) * inner(slate[j], slate[j]));
      sum += lengths > 0.0 ? inner(slate[i], slate[j]) / lengths : 0.0;
      ++pairs;
    }
  }
  return pairs == 0 ? std::numeric_limits<double>::quiet_NaN() : 1.0 - sum / pairs;
}

}  // namespace

std::string_view name_of(SlateMetric metric) noexcept {
  constexpr std::array<std::string_view, slate_metrics> names = {"reward", "depth", "reward_per_slate",
                                                                 "click_rate", "diversity"};
  return names[static_cast<std::size_t>(metric)];
}

SlateScores score_slates(const Trajectories& episodes, View<const float> vectors) {
  SlateScores scores(episodes.episodes());
  const auto slots = at(episodes.slots);
  for (std::size_t e = 0; e < at(episodes.episodes()); ++e) {
    const auto first = at(episodes.first_step[e]);
    const auto depth = at(episodes.length[e]);
    double shown = 0.0, clicked = 0.0, diversity = 0.0;
    int diverse = 0;
    for (std::size_t step = first; step < first + depth; ++step) {
      const std::span<const ItemId> slate = std::span(episodes.items).subspan(step * slots, slots);
      for (std::size_t slot = 0; slot < slots; ++slot) {
        if (slate[slot] == no_item) continue;
        shown += 1.0;
        clicked += (episodes.feedback[step * slots + slot] & feedback::accepted) != 0 ? 1.0 : 0.0;
      }
      if (vectors.empty()) continue;
      const double within = diversity_within(slate, vectors);
      if (std::isnan(within)) continue;
      diversity += within;
      ++diverse;
    }
    const auto set = [&](SlateMetric metric, double value) {
      scores.of(metric)[e] = static_cast<float>(value);
    };
    const double reward = double{episodes.episode_return[e]};
    set(SlateMetric::reward, reward);
    set(SlateMetric::depth, static_cast<double>(depth));
    set(SlateMetric::per_slate, depth == 0 ? double{unknown_score} : reward / static_cast<double>(depth));
    set(SlateMetric::click_rate, shown == 0.0 ? double{unknown_score} : clicked / shown);
    set(SlateMetric::diversity, diverse == 0 ? double{unknown_score} : diversity / diverse);
  }
  return scores;
}

double worst_people(std::span<const float> values, std::span<const UserId> people, double share) {
  std::map<UserId, std::pair<double, double>> sums;  // ascending: the order of sums is fixed
  for (std::size_t e = 0; e < values.size(); ++e) {
    if (std::isnan(values[e])) continue;
    auto& [sum, count] = sums[people[e]];
    sum += double{values[e]};
    count += 1.0;
  }
  std::vector<double> means;
  for (const auto& [person, sum] : sums) means.push_back(sum.first / sum.second);
  if (means.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(means.begin(), means.end());
  const auto worst =
      std::max<std::size_t>(1, static_cast<std::size_t>(share * static_cast<double>(means.size())));
  double sum = 0.0;
  for (std::size_t i = 0; i < worst; ++i) sum += means[i];
  return sum / static_cast<double>(worst);
}

}  // namespace veer

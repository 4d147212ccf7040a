#include "rewards/session_score.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace veer {
namespace {

constexpr float nothing = std::numeric_limits<float>::quiet_NaN();

float ratio(double part, double whole) { return whole == 0.0 ? nothing : static_cast<float>(part / whole); }

float diversity_of(std::span<const ItemId> shown, const Catalogue& catalogue,
                   const AttributeTable& attributes) {
  std::int64_t pairs = 0, apart = 0;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    if (catalogue.attributes_of(shown[i]).empty()) continue;
    for (std::size_t j = i + 1; j < shown.size(); ++j) {
      if (catalogue.attributes_of(shown[j]).empty()) continue;
      ++pairs;
      apart += attributes.share(shown[i], shown[j]) ? 0 : 1;
    }
  }
  return ratio(static_cast<double>(apart), static_cast<double>(pairs));
}

}  // namespace

std::string_view name_of(SessionMetric metric) noexcept {
  constexpr std::array<std::string_view, session_metrics> names = {
      "return",        "length", "taken",     "purchases", "take_rate",
      "purchase_rate", "left",   "diversity", "repeats",   "rarity"};
  return names[static_cast<std::size_t>(metric)];
}

SessionScores score_sessions(const Trajectories& sessions, const Catalogue& catalogue,
                             const AttributeTable& attributes) {
  SessionScores scores(sessions.episodes());
  const auto all = static_cast<double>(
      std::accumulate(catalogue.popularity.begin(), catalogue.popularity.end(), std::int64_t{0}));
  std::vector<ItemId> shown, seen;
  for (std::size_t e = 0; e < at(sessions.episodes()); ++e) {
    const auto first = at(sessions.first_step[e] * sessions.slots);
    const auto cells = at(std::int64_t{sessions.length[e]} * sessions.slots);
    shown.clear();
    seen.clear();
    if (!sessions.history_size.empty()) {
      const auto start = sessions.history.begin() + static_cast<std::ptrdiff_t>(e) * sessions.history_width;
      seen.assign(start, start + sessions.history_size[e]);
    }
    double taken = 0.0, bought = 0.0, repeats = 0.0, rarity = 0.0;
    for (std::size_t cell = first; cell < first + cells; ++cell) {
      const ItemId item = sessions.items[cell];
      if (item == no_item) continue;
      const std::uint8_t answer = sessions.feedback[cell];
      const bool yes = (answer & feedback::accepted) != 0;
      taken += yes ? 1.0 : 0.0;
      bought += yes && (answer & feedback::purchased) != 0 ? 1.0 : 0.0;
      repeats += std::find(seen.begin(), seen.end(), item) != seen.end() ? 1.0 : 0.0;
      rarity -=
          std::log2(std::max(1.0, static_cast<double>(catalogue.popularity[at(item)])) / std::max(1.0, all));
      shown.push_back(item);
      seen.push_back(item);
    }
    const auto set = [&](SessionMetric metric, float value) { scores.of(metric)[e] = value; };
    const auto count = static_cast<double>(shown.size());
    set(SessionMetric::worth, sessions.episode_return[e]);
    set(SessionMetric::length, static_cast<float>(count));
    set(SessionMetric::taken, static_cast<float>(taken));
    set(SessionMetric::purchases, static_cast<float>(bought));
    set(SessionMetric::take_rate, ratio(taken, count));
    set(SessionMetric::purchase_rate, ratio(bought, count));
    set(SessionMetric::left, sessions.end[e] == EndReason::user_left ? 1.0F : 0.0F);
    set(SessionMetric::diversity, diversity_of(shown, catalogue, attributes));
    set(SessionMetric::repeats, ratio(repeats, count));
    set(SessionMetric::rarity, ratio(rarity, count));
  }
  return scores;
}

Coverage coverage_of(const Trajectories& sessions, std::int32_t catalogue) {
  std::vector<std::int64_t> times(at(catalogue));
  for (const ItemId item : sessions.items) {
    if (item != no_item) ++times[at(item) - 1];
  }
  Coverage out;
  out.items = std::count_if(times.begin(), times.end(), [](std::int64_t n) { return n > 0; });
  out.share = static_cast<double>(out.items) / static_cast<double>(catalogue);
  std::sort(times.begin(), times.end());
  double sum = 0.0, weighted = 0.0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    sum += static_cast<double>(times[i]);
    weighted += static_cast<double>(i + 1) * static_cast<double>(times[i]);
  }
  const auto n = static_cast<double>(times.size());
  if (sum > 0.0) out.gini = (2.0 * weighted / sum - n - 1.0) / n;
  return out;
}

}  // namespace veer

#include "tools/veer/difficulty_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "tools/veer/table.h"
#include "tools/veer/text.h"

namespace veer::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<DifficultyTier, 4> all_tiers{DifficultyTier::easy, DifficultyTier::medium,
                                                  DifficultyTier::hard, DifficultyTier::unreachable};

struct TierMetric {
  PathMetric metric;
  const char* title;
  int decimals;
};

constexpr std::array<TierMetric, 4> tier_metrics{{{PathMetric::ioi, "IoI", 3},
                                                  {PathMetric::ior, "IoR", 1},
                                                  {PathMetric::ctr, "CTR", 3},
                                                  {PathMetric::reached, "Reached", 3}}};

/// The episodes of one tier: their places on the board, and whose they are.
struct TierEpisodes {
  std::vector<std::size_t> places;
  std::vector<UserId> people;

  TierEpisodes(const Leaderboard& board, const EpisodeDifficulty& difficulty, DifficultyTier tier) {
    for (std::size_t i = 0; i < difficulty.tiers.size(); ++i) {
      if (difficulty.tiers[i] != tier) continue;
      places.push_back(i);
      people.push_back(board.people()[i]);
    }
  }
  Summary summary(Summariser& summarise, std::span<const float> values) const {
    std::vector<float> chosen;
    chosen.reserve(places.size());
    for (const std::size_t place : places) chosen.push_back(values[place]);
    return summarise(chosen, people);
  }
};

std::string transitions(std::int32_t count) {
  return fmt::format("{} transition{}", count, count == 1 ? "" : "s");
}

}  // namespace

EpisodeDifficulty difficulty_of(const ItemGraph& graph, const Trajectories& paths,
                                const DifficultyOptions& options) {
  const View<const ItemId> histories(paths.history.data(), static_cast<std::int32_t>(paths.episodes()),
                                     paths.history_width);
  return {options, difficulty_tiers(graph, paths.episode_target, histories, paths.history_size, options)};
}

std::string meaning_of(DifficultyTier tier, const TierLimits& limits) {
  switch (tier) {
    case DifficultyTier::easy:
      return "at most " + transitions(limits.easy);
    case DifficultyTier::medium:
      return limits.medium == limits.easy + 1
                 ? transitions(limits.medium)
                 : fmt::format("{} to {}", limits.easy + 1, transitions(limits.medium));
    case DifficultyTier::hard:
      return transitions(limits.medium + 1) + " or more";
    case DifficultyTier::unreachable:
      return "no chain of transitions leads there";
  }
  return "";
}

std::string difficulty_text(const Leaderboard& board, const EpisodeDifficulty& difficulty,
                            const Console& console) {
  Summariser summarise({.seed = board.options().seed});
  std::string out =
      console.bold(fmt::format("By difficulty, under {}", board.judges().front().name)) +
      fmt::format(
          ": fewest transitions of the training logs from one of the {} newest items to the target\n\n",
          difficulty.options.recent);
  for (const DifficultyTier tier : all_tiers) {
    const TierEpisodes episodes(board, difficulty, tier);
    if (episodes.places.empty()) continue;
    std::vector<std::string> header{"policy"};
    for (const TierMetric& column : tier_metrics) header.emplace_back(column.title);
    Table table(header);
    for (const std::size_t policy : board.order()) {
      std::vector<std::string> cells{board.policy(policy)};
      for (const TierMetric& column : tier_metrics) {
        cells.push_back(interval_cell(episodes.summary(summarise, board.scores(policy, 0).of(column.metric)),
                                      column.decimals));
      }
      table.add(std::move(cells));
    }
    out +=
        fmt::format("{} ({}): {} episode{}\n{}\n", name_of(tier), meaning_of(tier, difficulty.options.limits),
                    grouped(static_cast<std::int64_t>(episodes.places.size())),
                    episodes.places.size() == 1 ? "" : "s", table.text());
  }
  return out;
}

Json difficulty_json(const Leaderboard& board, const EpisodeDifficulty& difficulty) {
  Summariser summarise({.seed = board.options().seed});
  Json out = Json::array();
  for (std::size_t judge = 0; judge < board.judges().size(); ++judge) {
    for (const DifficultyTier tier : all_tiers) {
      const TierEpisodes episodes(board, difficulty, tier);
      if (episodes.places.empty()) continue;
      for (const std::size_t policy : board.order()) {
        Json entry{{"judge", board.judges()[judge].name},
                   {"tier", std::string(name_of(tier))},
                   {"episodes", episodes.places.size()},
                   {"policy", board.policy(policy)}};
        for (const TierMetric& column : tier_metrics) {
          entry[std::string(name_of(column.metric))] =
              to_json(episodes.summary(summarise, board.scores(policy, judge).of(column.metric)));
        }
        out.push_back(std::move(entry));
      }
    }
  }
  return out;
}

}  // namespace veer::tools

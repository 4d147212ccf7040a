#include "tools/veer/figures/guidance/group_report.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "tools/veer/terminal/table.h"
#include "tools/veer/terminal/text.h"

namespace veer::tools {
namespace {

using Json = nlohmann::ordered_json;

struct GroupMetric {
  PathMetric metric;
  const char* title;
  int decimals;
};

constexpr std::array<GroupMetric, 4> group_metrics{{{PathMetric::ioi, "IoI", 3},
                                                    {PathMetric::ior, "IoR", 1},
                                                    {PathMetric::ctr, "CTR", 3},
                                                    {PathMetric::reached, "Reached", 3}}};

/// The episodes of one group: their places on the board, and whose they are.
struct GroupEpisodes {
  std::vector<std::size_t> places;
  std::vector<UserId> people;

  GroupEpisodes(const Leaderboard& board, const EpisodeGroups& groups, std::size_t group) {
    for (std::size_t i = 0; i < groups.of.size(); ++i) {
      if (static_cast<std::size_t>(groups.of[i]) != group) continue;
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

}  // namespace

std::string groups_text(const Leaderboard& board, const EpisodeGroups& groups, const Console& console) {
  Summariser summarise({.seed = board.options().seed});
  std::string out = console.bold(fmt::format("By {}, under {}", groups.by, board.judges().front().name)) +
                    ": " + groups.meaning + "\n\n";
  for (std::size_t group = 0; group < groups.groups.size(); ++group) {
    const GroupEpisodes episodes(board, groups, group);
    if (episodes.places.empty()) continue;
    std::vector<std::string> header{"policy"};
    for (const GroupMetric& column : group_metrics) header.emplace_back(column.title);
    Table table(header);
    for (const std::size_t policy : board.order()) {
      std::vector<std::string> cells{board.policy(policy)};
      for (const GroupMetric& column : group_metrics) {
        cells.push_back(interval_cell(episodes.summary(summarise, board.scores(policy, 0).of(column.metric)),
                                      column.decimals));
      }
      table.add(std::move(cells));
    }
    out += fmt::format("{} ({}): {} episode{}\n{}\n", groups.groups[group].name, groups.groups[group].meaning,
                       grouped(static_cast<std::int64_t>(episodes.places.size())),
                       episodes.places.size() == 1 ? "" : "s", table.text());
  }
  return out;
}

Json groups_json(const Leaderboard& board, const EpisodeGroups& groups) {
  Summariser summarise({.seed = board.options().seed});
  Json out = Json::array();
  for (std::size_t judge = 0; judge < board.judges().size(); ++judge) {
    for (std::size_t group = 0; group < groups.groups.size(); ++group) {
      const GroupEpisodes episodes(board, groups, group);
      if (episodes.places.empty()) continue;
      for (const std::size_t policy : board.order()) {
        Json entry{{"judge", board.judges()[judge].name},
                   {groups.one, groups.groups[group].name},
                   {"episodes", episodes.places.size()},
                   {"policy", board.policy(policy)}};
        for (const GroupMetric& column : group_metrics) {
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

#include "tools/veer/leaderboard.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "tools/veer/table.h"

namespace veer::tools {
namespace {

struct MetricColumn {
  PathMetric metric;
  const char* title;
  int decimals;
  bool only_sampled;  ///< says nothing where everything is accepted
};

constexpr std::array<MetricColumn, 9> columns{{{PathMetric::ioi, "IoI", 3, false},
                                               {PathMetric::ior, "IoR", 1, false},
                                               {PathMetric::ctr, "CTR", 3, false},
                                               {PathMetric::coherence, "Coherence", 3, false},
                                               {PathMetric::acceptance_rate, "Accepted", 3, true},
                                               {PathMetric::reached, "Reached", 3, true},
                                               {PathMetric::time_to_target, "Steps to it", 2, true},
                                               {PathMetric::abandoned, "Left", 3, true},
                                               {PathMetric::length, "Length", 2, false}}};

std::string cell(const Summary& summary, int decimals) {
  if (summary.count == 0) return "-";
  const std::string mean = fmt::format("{:.{}f}", summary.mean, decimals);
  if (!std::isfinite(summary.low) || !std::isfinite(summary.high)) return mean;
  return fmt::format("{} ±{:.{}f}", mean, (summary.high - summary.low) / 2.0, decimals);
}

nlohmann::ordered_json to_json(const Summary& summary) {
  nlohmann::ordered_json out;
  out["mean"] = summary.mean;  // NaN becomes null
  out["low"] = summary.low;
  out["high"] = summary.high;
  out["count"] = summary.count;
  return out;
}

int sign(float value) { return (value > 0.0F) - (value < 0.0F); }

}  // namespace

Leaderboard::Leaderboard(const Panel& panel, std::uint64_t seed, bool sampled)
    : judges_(panel.judges().begin(), panel.judges().end()), seed_(seed), sampled_(sampled) {}

void Leaderboard::add(const std::string& policy, const Trajectories& paths,
                      const AttributeTable& attributes) {
  Row row{policy, {}, {}};
  std::vector<float> first_ioi;
  for (const JudgeScores& judge : paths.judges) {
    const EpisodeScores scores = score_episodes(paths, judge, attributes);
    auto& summaries = row.summaries.emplace_back();
    for (std::int32_t metric = 0; metric < path_metrics; ++metric) {
      summaries[static_cast<std::size_t>(metric)] =
          summarise(scores.of(static_cast<PathMetric>(metric)), {.seed = seed_});
    }
    const auto ioi = scores.of(PathMetric::ioi);
    if (first_ioi.empty()) first_ioi.assign(ioi.begin(), ioi.end());
    std::int64_t same = 0;
    for (std::size_t i = 0; i < ioi.size(); ++i) same += sign(ioi[i]) == sign(first_ioi[i]) ? 1 : 0;
    row.same_sign.push_back(ioi.empty() ? 0.0 : static_cast<double>(same) / static_cast<double>(ioi.size()));
  }
  rows_.push_back(std::move(row));
}

double Leaderboard::mean(std::size_t policy, std::size_t judge, PathMetric metric) const {
  return rows_[policy].summaries[judge][static_cast<std::size_t>(metric)].mean;
}

double Leaderboard::order_agreement(std::size_t judge) const {
  std::vector<float> first(rows_.size());
  std::vector<float> other(rows_.size());
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    first[i] = static_cast<float>(mean(i, 0, PathMetric::ioi));
    other[i] = static_cast<float>(mean(i, judge, PathMetric::ioi));
  }
  return rank_correlation(first, other);
}

std::vector<std::size_t> Leaderboard::order() const {
  std::vector<std::size_t> order(rows_.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return mean(a, 0, PathMetric::ioi) > mean(b, 0, PathMetric::ioi);
  });
  return order;
}

std::string Leaderboard::table_of(std::size_t judge) const {
  std::vector<std::string> header{"policy"};
  for (const MetricColumn& column : columns) {
    if (sampled_ || !column.only_sampled) header.emplace_back(column.title);
  }
  Table table(header);
  for (const std::size_t index : order()) {
    std::vector<std::string> cells{rows_[index].policy};
    for (const MetricColumn& column : columns) {
      if (!sampled_ && column.only_sampled) continue;
      cells.push_back(
          cell(rows_[index].summaries[judge][static_cast<std::size_t>(column.metric)], column.decimals));
    }
    table.add(std::move(cells));
  }
  return table.text();
}

std::string Leaderboard::disagreement_text() const {
  std::vector<std::string> header{"IoI under"};
  for (const Judge& judge : judges_) header.push_back(judge.name);
  for (std::size_t j = 1; j < judges_.size(); ++j) header.push_back("sign as " + judges_[j].name);
  Table table(header);
  for (const std::size_t index : order()) {
    std::vector<std::string> cells{rows_[index].policy};
    for (std::size_t j = 0; j < judges_.size(); ++j)
      cells.push_back(fmt::format("{:.3f}", mean(index, j, PathMetric::ioi)));
    for (std::size_t j = 1; j < judges_.size(); ++j) {
      cells.push_back(fmt::format("{:.0f} %", 100.0 * rows_[index].same_sign[j]));
    }
    table.add(std::move(cells));
  }
  std::string out = table.text();
  for (std::size_t j = 1; rows_.size() > 1 && j < judges_.size(); ++j) {
    out += fmt::format("Order of the policies, {} against {}: Spearman's correlation {:.2f}\n",
                       judges_[0].name, judges_[j].name, order_agreement(j));
  }
  return out;
}

std::string Leaderboard::text(const Console& console) const {
  std::string out;
  for (std::size_t judge = 0; judge < judges_.size(); ++judge) {
    const auto& [name, about, model] = judges_[judge];
    out += fmt::format("{}\n{}\n", console.bold(fmt::format("Under {} ({})", name, about)), table_of(judge));
  }
  if (judges_.size() > 1) {
    out +=
        console.bold("What the judges disagree about (share of paths whose IoI has the same sign as under " +
                     judges_[0].name + ")") +
        "\n" + disagreement_text() + "\n";
  }
  return out + "Means over episodes, with half the width of the 95 % interval (bootstrap over episodes).\n";
}

nlohmann::ordered_json Leaderboard::json() const {
  nlohmann::ordered_json out;
  out["judges"] = nlohmann::ordered_json::array();
  for (const Judge& judge : judges_)
    out["judges"].push_back({{"name", judge.name}, {"fit", judge.fitted_on}});
  out["leaderboard"] = nlohmann::ordered_json::array();
  for (std::size_t judge = 0; judge < judges_.size(); ++judge) {
    for (const std::size_t index : order()) {
      nlohmann::ordered_json entry{{"judge", judges_[judge].name}, {"policy", rows_[index].policy}};
      for (std::int32_t metric = 0; metric < path_metrics; ++metric) {
        entry[std::string(name_of(static_cast<PathMetric>(metric)))] =
            to_json(rows_[index].summaries[judge][static_cast<std::size_t>(metric)]);
      }
      out["leaderboard"].push_back(std::move(entry));
    }
  }
  out["disagreement"] = nlohmann::ordered_json::array();
  for (std::size_t judge = 1; judge < judges_.size(); ++judge) {
    nlohmann::ordered_json entry{{"first", judges_[0].name}, {"second", judges_[judge].name}};
    entry["rank_correlation"] = order_agreement(judge);
    entry["same_sign"] = nlohmann::ordered_json::object();
    for (const std::size_t index : order())
      entry["same_sign"][rows_[index].policy] = rows_[index].same_sign[judge];
    out["disagreement"].push_back(std::move(entry));
  }
  return out;
}

}  // namespace veer::tools

#include "tools/veer/figures/guidance/leaderboard.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "env/error.h"
#include "rewards/crossed.h"
#include "tools/veer/figures/methods/method_table.h"
#include "tools/veer/terminal/table.h"

namespace veer::tools {
namespace {

using Json = nlohmann::ordered_json;

/// Where a column says something.
enum class Shown : std::uint8_t {
  always,
  with_endings,   ///< where people may refuse or reaching the target ends an episode
  with_refusals,  ///< where people may refuse
  where_defined,  ///< where some policy has a value under the judge
};

}  // namespace

struct MetricColumn {
  PathMetric metric;
  const char* title;
  int decimals;
  Shown shown;
};

namespace {

constexpr std::array<MetricColumn, 12> columns{
    {{PathMetric::ioi, "IoI", 3, Shown::always},
     {PathMetric::ior, "IoR", 1, Shown::always},
     {PathMetric::ctr, "CTR", 3, Shown::always},
     {PathMetric::coherence, "Coherence", 3, Shown::always},
     {PathMetric::acceptance_rate, "Accepted", 3, Shown::with_refusals},
     {PathMetric::reached, "Reached", 3, Shown::with_endings},
     {PathMetric::time_to_target, "Steps to it", 2, Shown::with_endings},
     {PathMetric::abandoned, "Left", 3, Shown::with_refusals},
     {PathMetric::length, "Length", 2, Shown::always},
     {PathMetric::disagreement, "Apart p", 3, Shown::where_defined},
     {PathMetric::interest_disagreement, "Apart ln p", 3, Shown::where_defined},
     {PathMetric::off_data, "Off data", 3, Shown::where_defined}}};

/// What differences to the baseline are tested in, where the table shows it.
constexpr std::array<PathMetric, 4> tested{PathMetric::ioi, PathMetric::ior, PathMetric::ctr,
                                           PathMetric::reached};

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

std::size_t index_of(PathMetric metric) { return static_cast<std::size_t>(metric); }

int sign(float value) { return (value > 0.0F) - (value < 0.0F); }

std::string percent(double share) { return std::isnan(share) ? "-" : fmt::format("{:.0f} %", 100.0 * share); }

}  // namespace

std::string interval_cell(const Summary& summary, int decimals, bool with_sign) {
  if (summary.count == 0) return "-";
  const std::string mean = with_sign ? fmt::format("{:+.{}f}", summary.mean, decimals)
                                     : fmt::format("{:.{}f}", summary.mean, decimals);
  if (!std::isfinite(summary.low) || !std::isfinite(summary.high)) return mean;
  return fmt::format("{} ±{:.{}f}", mean, (summary.high - summary.low) / 2.0, decimals);
}

Json to_json(const Summary& summary) {
  Json out;
  out["mean"] = summary.mean;  // NaN becomes null
  out["low"] = summary.low;
  out["high"] = summary.high;
  out["standard_error"] = summary.standard_error;
  out["p"] = summary.p;
  out["count"] = summary.count;
  out["people"] = summary.people;
  out["interval"] = std::string(name_of(summary.interval));
  return out;
}

std::string interval_text(bool any_bootstrap, bool any_normal) {
  if (any_bootstrap && any_normal) {
    return "percentile bootstrap over people, or the normal approximation where there are more than 20,000";
  }
  return any_normal ? "normal approximation, people being independent" : "percentile bootstrap over people";
}

const std::string& baseline_of(std::span<const std::string> policies, const std::string& wish) {
  if (wish.empty()) {
    const auto found = std::ranges::find_if(
        policies, [](const std::string& name) { return name == "random" || name.starts_with("random:"); });
    return found != policies.end() ? *found : policies.front();
  }
  const auto found = std::ranges::find(policies, wish);
  if (found != policies.end()) return *found;
  throw ConfigError({{}, 0, "--baseline"},
                    {"'" + wish + "'", fmt::format("one of {}", fmt::join(policies, ", ")),
                     "name one of the policies that play, as it stands behind --policy"});
}

Leaderboard::Leaderboard(const Panel& panel, LeaderboardOptions options)
    : judges_(panel.judges().begin(), panel.judges().end()),
      options_(std::move(options)),
      summarise_({.seed = options_.seed}) {}

bool Leaderboard::is_shown(const MetricColumn& column, std::size_t judge) const {
  switch (column.shown) {
    case Shown::always:
      return true;
    case Shown::with_endings:
      return options_.sampled || options_.ends_at_target;
    case Shown::with_refusals:
      return options_.sampled;
    case Shown::where_defined:
      return std::ranges::any_of(
          rows_, [&](const Row& row) { return row.summaries[judge][index_of(column.metric)].count > 0; });
  }
  return false;
}

void Leaderboard::add(const std::string& policy, const Trajectories& paths, const AttributeTable& attributes,
                      std::span<const std::int32_t> support) {
  if (rows_.empty()) {
    episodes_ = paths.episode_id;
    people_ = paths.episode_user;
    targets_ = paths.episode_target;
  } else if (paths.episode_id != episodes_ || paths.episode_user != people_ ||
             paths.episode_target != targets_) {
    throw DataError(Where{{}, 0, "policy " + policy},
                    Problem{"other episodes than those of policy " + rows_.front().policy,
                            "the same people and targets for every policy", ""});
  }
  Row row{policy, {}, {}};
  for (const JudgeScores& judge : paths.judges) {
    const EpisodeScores& scores = row.scores.emplace_back(score_episodes(paths, judge, attributes, support));
    auto& summaries = row.summaries.emplace_back();
    for (std::int32_t metric = 0; metric < path_metrics; ++metric) {
      summaries[static_cast<std::size_t>(metric)] =
          summarise_(scores.of(static_cast<PathMetric>(metric)), people_);
    }
  }
  rows_.push_back(std::move(row));
}

double Leaderboard::mean(std::size_t policy, std::size_t judge, PathMetric metric) const {
  return rows_[policy].summaries[judge][index_of(metric)].mean;
}

double Leaderboard::same_sign(std::size_t policy, std::size_t judge) const {
  const auto first = scores(policy, 0).of(PathMetric::ioi);
  const auto other = scores(policy, judge).of(PathMetric::ioi);
  std::int64_t same = 0, both = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (std::isnan(first[i]) || std::isnan(other[i])) continue;
    ++both;
    same += sign(first[i]) == sign(other[i]) ? 1 : 0;
  }
  return both == 0 ? undefined : static_cast<double>(same) / static_cast<double>(both);
}

double Leaderboard::order_agreement(std::size_t judge) const {
  std::vector<float> first;
  std::vector<float> other;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const double a = mean(i, 0, PathMetric::ioi), b = mean(i, judge, PathMetric::ioi);
    if (std::isnan(a) || std::isnan(b)) continue;
    first.push_back(static_cast<float>(a));
    other.push_back(static_cast<float>(b));
  }
  return rank_correlation(first, other);
}

std::vector<std::size_t> Leaderboard::order() const {
  std::vector<std::size_t> order(rows_.size());
  std::iota(order.begin(), order.end(), 0);
  const auto key = [&](std::size_t i) {
    const double value = mean(i, 0, PathMetric::ioi);
    return std::isnan(value) ? -std::numeric_limits<double>::infinity() : value;
  };
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return key(a) > key(b); });
  return order;
}

std::size_t Leaderboard::baseline() const {
  return static_cast<std::size_t>(std::ranges::find(rows_, options_.baseline, &Row::policy) - rows_.begin());
}

Summary Leaderboard::over_baseline(Summariser& summarise, std::size_t policy, std::size_t judge,
                                   PathMetric metric) const {
  return summarise(difference_of(scores(policy, judge).of(metric), scores(baseline(), judge).of(metric)),
                   people_);
}

std::string Leaderboard::table_of(std::size_t judge) const {
  std::vector<std::string> header{"policy"};
  for (const MetricColumn& column : columns) {
    if (is_shown(column, judge)) header.emplace_back(column.title);
  }
  Table table(header);
  for (const std::size_t index : order()) {
    std::vector<std::string> cells{rows_[index].policy};
    for (const MetricColumn& column : columns) {
      if (!is_shown(column, judge)) continue;
      cells.push_back(interval_cell(rows_[index].summaries[judge][index_of(column.metric)], column.decimals));
    }
    table.add(std::move(cells));
  }
  return table.text();
}

std::vector<std::vector<double>> Leaderboard::adjusted(Summariser& summarise, std::size_t judge) const {
  std::vector<double> p;
  for (std::size_t policy = 0; policy < rows_.size(); ++policy) {
    for (const MetricColumn& column : columns) {
      const bool test = policy != baseline() && is_shown(column, judge) &&
                        std::ranges::find(tested, column.metric) != tested.end();
      p.push_back(test ? over_baseline(summarise, policy, judge, column.metric).p : undefined);
    }
  }
  const std::vector<double> all = holm_adjusted(p);
  std::vector<std::vector<double>> out;
  for (std::size_t policy = 0; policy < rows_.size(); ++policy) {
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(policy * columns.size());
    out.emplace_back(first, first + static_cast<std::ptrdiff_t>(columns.size()));
  }
  return out;
}

double Leaderboard::pairing(const Summary& difference, std::size_t policy, std::size_t judge,
                            PathMetric metric) const {
  const double paired = difference.standard_error;
  const double mine = rows_[policy].summaries[judge][index_of(metric)].standard_error;
  const double its = rows_[baseline()].summaries[judge][index_of(metric)].standard_error;
  return paired > 0.0 ? (mine * mine + its * its) / (paired * paired) : undefined;
}

std::string Leaderboard::differences_of(std::size_t judge, Summariser& summarise) const {
  if (rows_.size() < 2 || baseline() >= rows_.size()) return {};
  std::vector<std::string> header{"minus " + options_.baseline};
  for (const MetricColumn& column : columns) {
    if (is_shown(column, judge) && std::ranges::find(tested, column.metric) != tested.end())
      header.insert(header.end(), {column.title, "p", "x"});
  }
  const std::vector<std::vector<double>> p = adjusted(summarise, judge);
  Table table(header);
  for (const std::size_t index : order()) {
    if (index == baseline()) continue;
    std::vector<std::string> cells{rows_[index].policy};
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const MetricColumn& column = columns[c];
      if (!is_shown(column, judge) || std::ranges::find(tested, column.metric) == tested.end()) continue;
      const Summary difference = over_baseline(summarise, index, judge, column.metric);
      const double gain = pairing(difference, index, judge, column.metric);
      cells.push_back(interval_cell(difference, column.decimals, true));
      cells.push_back(p_text(p[index][c]));
      cells.push_back(std::isnan(gain) ? "-" : fmt::format("{:.1f}", gain));
    }
    table.add(std::move(cells));
  }
  return table.text() + "\n";
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
    for (std::size_t j = 1; j < judges_.size(); ++j) cells.push_back(percent(same_sign(index, j)));
    table.add(std::move(cells));
  }
  std::string out = table.text();
  for (std::size_t j = 1; rows_.size() > 1 && j < judges_.size(); ++j) {
    out += fmt::format("Order of the policies, {} against {}: Spearman's correlation {:.2f}\n",
                       judges_[0].name, judges_[j].name, order_agreement(j));
  }
  return out;
}

std::string Leaderboard::legend() const {
  bool bootstrap = false, normal = false;
  for (const Row& row : rows_) {
    for (std::size_t judge = 0; judge < row.summaries.size(); ++judge) {
      for (const MetricColumn& column : columns) {
        const Summary& summary = row.summaries[judge][index_of(column.metric)];
        if (!is_shown(column, judge) || summary.people < 2) continue;
        (summary.interval == Interval::bootstrap ? bootstrap : normal) = true;
      }
    }
  }
  const std::size_t people = [&] {
    std::vector<UserId> distinct(people_);
    std::ranges::sort(distinct);
    return static_cast<std::size_t>(std::ranges::unique(distinct).begin() - distinct.begin());
  }();
  std::string out = fmt::format(
      "Means over {} episodes of {} people, ± half the width of the 95 % interval ({};\n"
      "the episodes of one person count together).\n",
      people_.size(), people, interval_text(bootstrap, normal));
  if (rows_.size() > 1 && baseline() < rows_.size()) {
    out += fmt::format(
        "Minus {0}: less the same of {0} in the same episode, paired; p: of no difference, two-sided, "
        "after Holm's correction\nfor all differences in one table; x: how many times smaller the "
        "variance of the difference is than with other\npeople and other noise for each policy, "
        "episodes being equal.\n",
        options_.baseline);
  }
  return out +
         "Coherence: the paper's, undefined for paths of fewer than two accepted items; --json also has that "
         "of\n"
         "its released evaluator (coherence_target).\n";
}

std::string Leaderboard::text(const Console& console) const {
  Summariser summarise({.seed = options_.seed});
  std::string out;
  for (std::size_t judge = 0; judge < judges_.size(); ++judge) {
    const auto& [name, about, model] = judges_[judge];
    out += fmt::format("{}\n{}\n{}", console.bold(fmt::format("Under {} ({})", name, about)), table_of(judge),
                       differences_of(judge, summarise));
  }
  if (judges_.size() > 1) {
    out +=
        console.bold("What the judges disagree about (share of paths whose IoI has the same sign as under " +
                     judges_[0].name + ")") +
        "\n" + disagreement_text() + "\n";
  }
  return out + legend();
}

Json Leaderboard::json() const {
  Summariser summarise({.seed = options_.seed});
  const bool compare = baseline() < rows_.size();
  Json out;
  out["baseline"] = compare ? Json(options_.baseline) : Json();
  out["judges"] = Json::array();
  for (const Judge& judge : judges_)
    out["judges"].push_back({{"name", judge.name}, {"fit", judge.fitted_on}});
  out["leaderboard"] = Json::array();
  for (std::size_t judge = 0; judge < judges_.size(); ++judge) {
    const std::vector<std::vector<double>> p =
        compare ? adjusted(summarise, judge) : std::vector<std::vector<double>>{};
    for (const std::size_t index : order()) {
      Json entry{{"judge", judges_[judge].name}, {"policy", rows_[index].policy}};
      Json over;
      for (std::int32_t m = 0; m < path_metrics; ++m) {
        const auto metric = static_cast<PathMetric>(m);
        const std::string name(name_of(metric));
        entry[name] = to_json(rows_[index].summaries[judge][index_of(metric)]);
        if (!compare || index == baseline()) continue;
        const Summary difference = over_baseline(summarise, index, judge, metric);
        over[name] = to_json(difference);
        over[name]["pairing_gain"] = pairing(difference, index, judge, metric);
      }
      for (std::size_t c = 0; compare && index != baseline() && c < columns.size(); ++c)
        over[std::string(name_of(columns[c].metric))]["p_adjusted"] = p[index][c];
      entry["over_baseline"] = std::move(over);  // null for the baseline itself
      out["leaderboard"].push_back(std::move(entry));
    }
  }
  out["disagreement"] = Json::array();
  for (std::size_t judge = 1; judge < judges_.size(); ++judge) {
    Json entry{{"first", judges_[0].name}, {"second", judges_[judge].name}};
    entry["rank_correlation"] = order_agreement(judge);
    entry["same_sign"] = Json::object();
    for (const std::size_t index : order()) entry["same_sign"][rows_[index].policy] = same_sign(index, judge);
    out["disagreement"].push_back(std::move(entry));
  }
  return out;
}

}  // namespace veer::tools

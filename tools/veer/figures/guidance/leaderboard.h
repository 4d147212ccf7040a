// What policies did, under every judge: means with intervals, how far each policy is from a baseline, and how
// far the judges agree. Thread-safety: none; one thread. Results are functions of what was added, in that
// order.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "env/loop/trajectories.h"
#include "rewards/path_score.h"
#include "rewards/summary.h"
#include "simulators/panel.h"
#include "tools/veer/terminal/console.h"

namespace veer::tools {

struct LeaderboardOptions {
  std::uint64_t seed = 1;  ///< resamples intervals
  bool sampled = false;    ///< people may refuse: acceptance, reached targets and leaving are worth a column
  bool ends_at_target = false;  ///< reaching the target ends an episode: reached targets are, too
  std::string baseline;         ///< a policy as baseline_of() names it; empty: no differences
};

/// The policy that others are compared with: `wish` where it is one of `policies`, else, when nothing is
/// wished, the first random one, else the first. Throws ConfigError naming --baseline for any other wish.
/// REQUIRES: policies is not empty.
const std::string& baseline_of(std::span<const std::string> policies, const std::string& wish);

struct MetricColumn;  ///< of a table

class Leaderboard {
 public:
  /// `panel`: the judges, as they stand in Trajectories::judges; copied.
  Leaderboard(const Panel& panel, LeaderboardOptions options);

  /// Scores one policy's paths under every judge. Keeps 64 bytes per judge and episode, for comparisons.
  /// `support`: as for score_episodes. REQUIRES: paths.judges as named to the constructor. Throws DataError
  /// when the episodes are not those of the policies before: differences are taken episode by episode.
  void add(const std::string& policy, const Trajectories& paths, const AttributeTable& attributes,
           std::span<const std::int32_t> support = {});

  std::span<const Judge> judges() const noexcept { return judges_; }
  std::size_t policies() const noexcept { return rows_.size(); }
  const std::string& policy(std::size_t index) const { return rows_[index].policy; }
  /// Whose episode each one was; empty before the first policy.
  std::span<const UserId> people() const noexcept { return people_; }
  const EpisodeScores& scores(std::size_t policy, std::size_t judge) const {
    return rows_[policy].scores[judge];
  }
  const LeaderboardOptions& options() const noexcept { return options_; }

  /// Policies by descending mean IoI under the first judge; those without one last.
  std::vector<std::size_t> order() const;
  /// Mean of a metric over the episodes where it is defined; NaN where it never is.
  double mean(std::size_t policy, std::size_t judge, PathMetric metric) const;
  /// Share of a policy's paths whose IoI has the same sign under `judge` as under the first one, among paths
  /// on which both say something; NaN without such paths.
  double same_sign(std::size_t policy, std::size_t judge) const;
  /// Spearman's rank correlation of the policies by mean IoI, under the first judge and under `judge`, over
  /// the policies for which both are defined; NaN for fewer than two.
  double order_agreement(std::size_t judge) const;

  /// Per judge a table of means and one of paired differences, policies in order(), then what the judges
  /// disagree about, then how to read both.
  std::string text(const Console& console) const;
  /// Keys "baseline", "judges", "leaderboard" (one entry per judge and policy; "over_baseline" has the
  /// paired differences of every metric, with "pairing_gain" and, where tested, "p_adjusted") and
  /// "disagreement".
  nlohmann::ordered_json json() const;

 private:
  struct Row {
    std::string policy;
    std::vector<EpisodeScores> scores;                         ///< per judge
    std::vector<std::array<Summary, path_metrics>> summaries;  ///< per judge
  };
  bool is_shown(const MetricColumn& column, std::size_t judge) const;
  /// The row of options_.baseline; policies() when there is none.
  std::size_t baseline() const;
  Summary over_baseline(Summariser& summarise, std::size_t policy, std::size_t judge,
                        PathMetric metric) const;
  /// Holm's p per policy and column of the table of differences under a judge; NaN for the baseline.
  std::vector<std::vector<double>> adjusted(Summariser& summarise, std::size_t judge) const;
  double pairing(const Summary& difference, std::size_t policy, std::size_t judge, PathMetric metric) const;
  std::string differences_of(std::size_t judge, Summariser& summarise) const;
  std::string table_of(std::size_t judge) const;
  std::string disagreement_text() const;
  std::string legend() const;

  std::vector<Judge> judges_;
  LeaderboardOptions options_;
  Summariser summarise_;
  std::vector<EpisodeId> episodes_;
  std::vector<UserId> people_;
  std::vector<ItemId> targets_;
  std::vector<Row> rows_;
};

/// "6.372 ±0.131": the mean and half the width of its interval; "6.372" without an interval, "-" without a
/// mean.
std::string interval_cell(const Summary& summary, int decimals, bool with_sign = false);
/// Keys mean, low, high, standard_error, p, count, people, interval; NaN becomes null.
nlohmann::ordered_json to_json(const Summary& summary);
/// "percentile bootstrap over people" or the like: how the intervals of these summaries were found.
std::string interval_text(bool any_bootstrap, bool any_normal);

}  // namespace veer::tools

// What policies did, under every judge: means with intervals, and how far the judges agree.
// Thread-safety: none; one thread. Results are functions of what was added, in that order.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "env/trajectories.h"
#include "rewards/path_score.h"
#include "rewards/summary.h"
#include "simulators/panel.h"
#include "tools/veer/console.h"

namespace veer::tools {

class Leaderboard {
 public:
  /// `panel`: the judges, as they stand in Trajectories::judges; copied. `seed` resamples intervals.
  /// `sampled`: people may refuse, so acceptance, reached targets and leaving are worth a column.
  Leaderboard(const Panel& panel, std::uint64_t seed, bool sampled);

  /// Scores one policy's paths under every judge. REQUIRES: paths.judges as named to the constructor.
  void add(const std::string& policy, const Trajectories& paths, const AttributeTable& attributes);

  /// Mean of a metric; policies and judges by their order.
  double mean(std::size_t policy, std::size_t judge, PathMetric metric) const;
  std::size_t policies() const noexcept { return rows_.size(); }
  const std::string& policy(std::size_t index) const { return rows_[index].policy; }
  /// Spearman's rank correlation of the policies by mean IoI, under the first judge and under `judge`; NaN
  /// for fewer than two policies.
  double order_agreement(std::size_t judge) const;

  /// One table per judge, policies in the order of the first judge's mean IoI, then what the judges disagree
  /// about.
  std::string text(const Console& console) const;
  /// Keys "judges", "leaderboard" (one entry per judge and policy) and "disagreement".
  nlohmann::ordered_json json() const;

 private:
  struct Row {
    std::string policy;
    std::vector<std::array<Summary, path_metrics>> summaries;  ///< per judge
    std::vector<double> same_sign;  ///< per judge: share of episodes where its IoI has the first judge's sign
  };
  std::vector<std::size_t> order() const;
  std::string table_of(std::size_t judge) const;
  std::string disagreement_text() const;

  std::vector<Judge> judges_;
  std::uint64_t seed_;
  bool sampled_;
  std::vector<Row> rows_;
};

}  // namespace veer::tools

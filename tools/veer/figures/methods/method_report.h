// Methods side by side, as tables, JSON and CSV: one table per judge and length. Free functions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tools/veer/figures/guidance/group_report.h"
#include "tools/veer/figures/methods/method_scores.h"
#include "tools/veer/figures/methods/method_table.h"

namespace veer::tools {

struct MethodComparison {
  std::string judge;
  std::int32_t length = 0;  ///< 0: whole episodes
  MethodTable table;
};

class MethodReport {
 public:
  /// Bootstraps every figure. `scores` must outlive the report. Throws ConfigError for an unknown baseline.
  MethodReport(const MethodScores& scores, const std::string& baseline, const CrossedOptions& options);

  const MethodScores& scores() const noexcept { return scores_; }
  std::span<const MethodComparison> comparisons() const noexcept { return comparisons_; }
  std::size_t baseline() const noexcept { return baseline_; }
  std::int32_t people() const noexcept { return people_; }  ///< whose episodes these are

  std::string text() const;
  std::string csv() const;
  /// Per method and step the share of its episodes that have it, from the first step on: the survival curve.
  std::vector<std::vector<double>> survival() const;
  /// Keys "episodes", "people", "baseline", "comparisons", "survival".
  nlohmann::ordered_json json() const;

 private:
  /// Empty where every episode has all steps.
  std::string survival_text() const;

  const MethodScores& scores_;
  std::size_t baseline_ = 0;
  std::int32_t people_ = 0;
  std::vector<MethodComparison> comparisons_;
};

/// One judge's table of one group's episodes.
struct GroupTable {
  std::string judge;
  EpisodeGroups::Group group;
  std::size_t episodes = 0;
  MethodTable table;
};
/// By judge, then by group; groups without episodes are left out. REQUIRES: as many episodes as the report
/// has.
std::vector<GroupTable> method_groups(const MethodReport& report, const EpisodeGroups& groups,
                                      const CrossedOptions& options);

/// Episodes by group, whole ones under every judge: one table per judge and group that has episodes, with
/// differences to the baseline. REQUIRES: as many episodes as `scores` has.
std::string method_groups_text(const MethodReport& report, const EpisodeGroups& groups,
                               const CrossedOptions& options);
/// An array of one entry per judge and group: judge, `one`, episodes, methods.
nlohmann::ordered_json method_groups_json(const MethodReport& report, const EpisodeGroups& groups,
                                          const CrossedOptions& options);

}  // namespace veer::tools

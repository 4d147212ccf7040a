// What a report is made of, gathered by `veer report`, and its sections as HTML. Everything that comes from
// data is escaped. Thread-safety: pure functions.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "env/data/dataset.h"
#include "env/store/run/run_directory.h"
#include "tools/veer/figures/guidance/budget_report.h"
#include "tools/veer/figures/guidance/path_sample.h"
#include "tools/veer/figures/methods/method_report.h"
#include "tools/veer/figures/methods/standing.h"
#include "tools/veer/figures/trust/trust_panel.h"
#include "tools/veer/figures/watching/episode_curves.h"

namespace veer::tools {

struct Findings {
  const Dataset& data;
  std::vector<std::pair<std::string, RunSummary>> runs;  ///< directory, what it says of itself
  const MethodReport& report;
  std::vector<Standing> standings;  ///< per judge, by the first figure
  const EpisodeCurves& curves;
  const PathSample& paths;
  const TrustPanel& trust;
  const BudgetReport* budget = nullptr;    ///< where limits were asked for
  const EpisodeGroups* groups = nullptr;   ///< where episodes are to be split
  std::vector<GroupTable> group_tables{};  ///< of these groups

  const MethodScores& scores() const noexcept { return report.scores(); }
  const Figure& first_figure() const { return scores().figures().figures().front(); }
  const std::string& method(std::size_t place) const { return scores().methods()[place].name; }
};

/// Plain sentences: who wins, how sure that is, whether the judges agree. The first one is the headline.
std::vector<std::string> conclusions(const Findings& findings);

std::string leaderboard_section(const Findings& findings);
std::string curves_section(const Findings& findings);
/// Empty where fewer than two judges looked.
std::string judges_section(const Findings& findings);
std::string trust_section(const Findings& findings);
/// Empty where no limits, and no groups, were asked for.
std::string budget_section(const Findings& findings);
std::string groups_section(const Findings& findings);
/// A static example, and the place where the script puts the explorer.
std::string paths_section(const Findings& findings);
/// Runs, digests, data set, effective configuration.
std::string runs_section(const Findings& findings);
std::string reading_section(const Findings& findings);

}  // namespace veer::tools

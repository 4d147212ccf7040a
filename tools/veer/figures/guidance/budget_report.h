// Budgets of guidance as options and tables: which share of a policy's paths keeps the limits, how often each
// limit is broken, and the worst paths. Thread-safety: built on the main thread, immutable afterwards.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "env/data/dataset.h"
#include "rewards/path_budget.h"
#include "tools/veer/figures/methods/method_table.h"

namespace CLI {
class App;
}

namespace veer::tools {

/// Limits as options say them.
struct BudgetOptions {
  std::vector<std::string> never_show;  ///< attributes by name
  std::int32_t rank_loss = PathBudget::no_limit;
  double weak_below = 0.0;
  std::int32_t weak_steps = 0;

  bool empty() const noexcept {
    return never_show.empty() && rank_loss == PathBudget::no_limit && weak_below == 0.0;
  }
};
void add_budget_options(CLI::App& app, BudgetOptions& options);

/// Throws ConfigError naming --never-show, with the attributes that there are, for one that the catalogue
/// does not have; and for budgets in another scenario than guidance-v1.
PathBudget budget_of(const BudgetOptions& options, const std::string& scenario, const Catalogue& catalogue);

/// A path that breaks its budget.
struct WorstPath {
  EpisodeId episode = 0;
  std::string policy, person, target;
  std::int32_t never_shown = 0, rank_breaks = 0, rank_loss = 0, weak_breaks = 0;
  std::int32_t breaks() const noexcept { return never_shown + rank_breaks + weak_breaks; }
};

class BudgetReport {
 public:
  /// `judges` as in the trajectories. `data` must outlive the report.
  BudgetReport(PathBudget budget, const Dataset& data, std::vector<std::string> judges);

  /// Measures a policy's paths under every judge. Throws DataError, naming `source`, for paths without
  /// judges, which say nothing of ranks and acceptance.
  void add(const std::string& policy, const Trajectories& paths, const std::string& source);
  /// Call once, after all policies. `methods` name policies that were added.
  void finish(std::span<const Method> methods, std::size_t baseline, const CrossedOptions& options);

  const std::vector<std::string>& judges() const noexcept { return judges_; }
  /// Of all policies, most violations under the first judge first.
  std::span<const WorstPath> worst() const noexcept { return worst_; }
  /// The limits in words, one sentence; and how to read the table.
  std::string limits() const;
  static std::string legend();
  /// A table under a judge: share of paths within the budget, then how often each limit is broken.
  std::vector<std::string> header() const;
  std::vector<std::vector<std::string>> rows(std::size_t judge) const;
  std::vector<std::string> worst_header() const;
  std::vector<std::vector<std::string>> worst_rows() const;

  std::string text() const;
  /// Keys "limits", "judges" (per judge the methods with "within_budget" and counts of violations), "worst".
  nlohmann::ordered_json json() const;
  /// Lines of table_csv(), length "all".
  std::string csv() const;

 private:
  struct Scored {
    std::string policy;
    std::vector<std::vector<std::vector<float>>> columns;  ///< [judge][figure][episode]
  };
  struct Count {
    std::int64_t paths = 0;  ///< that break the limit
    std::int64_t times = 0;  ///< items, or steps
  };
  const Scored& of(const std::string& policy) const;
  Count count(std::size_t judge, const Method& method, BudgetMetric metric) const;
  void keep_worst(const std::string& policy, const Trajectories& paths, const BudgetScores& scores);

  PathBudget budget_;
  const Dataset& data_;
  std::vector<std::string> judges_;
  std::vector<BudgetMetric> limits_;  ///< what counts the violations of the limits there are
  std::vector<UserId> people_;
  std::vector<Scored> scored_;
  std::vector<WorstPath> worst_;
  std::vector<Method> methods_;
  std::size_t baseline_ = 0;
  std::vector<MethodTable> tables_;  ///< per judge
};

}  // namespace veer::tools

// Budgets for guidance: what a path may do to a person at most, and how often it did more.
//
// Whoever runs a service sets three limits before a policy may lead people anywhere: what is never shown, how
// far the target may sink in a person's favour on the way (a detour that puts people off the target costs
// what it was meant to bring), and how many steps may be shown that the person hardly takes. Ranks are those
// of the target in the whole catalogue, as in IoR (rewards/path_score.h): the loss after a step is the
// target's rank then minus its rank before the first step. Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "env/data/dataset.h"
#include "env/loop/trajectories.h"
#include "rewards/metric_columns.h"

namespace veer {

struct PathBudget {
  static constexpr std::int32_t no_limit = -1;
  std::vector<std::int32_t> never_show{};  ///< attributes, as the catalogue numbers them; empty: no limit
  std::int32_t rank_loss = no_limit;       ///< most places the target may stand below its start, 0 or more
  std::int32_t weak_steps = no_limit;      ///< most weak steps of a path, 0 or more
  float weak_below = 0.0F;                 ///< a step is weak whose acceptance is below this, 0..1

  bool empty() const noexcept {
    return never_show.empty() && rank_loss == no_limit && weak_steps == no_limit;
  }
};

/// The columns of BudgetScores. NaN where the budget has no such limit.
enum class BudgetMetric : std::uint8_t {
  within,       ///< 1 when the path keeps every limit, else 0
  never_shown,  ///< items shown that have an attribute which is never to be shown
  rank_loss,    ///< most places the target ever stood below its start, 0 where it never sank
  rank_breaks,  ///< steps after which it stood further below than the limit
  weak,         ///< weak steps
  weak_breaks,  ///< weak steps beyond the limit
};

inline constexpr std::int32_t budget_metrics = 6;
std::string_view name_of(BudgetMetric metric) noexcept;

using BudgetScores = MetricColumns<BudgetMetric, budget_metrics>;

/// Counts violations, path by path. A step in which the policy stopped shows nothing and breaks no limit; a
/// path without steps is within every budget. REQUIRES: paths.slots == 1; `judge` aligned with `paths`;
/// attributes and items of the catalogue.
BudgetScores score_budget(const Trajectories& paths, const JudgeScores& judge, const Catalogue& catalogue,
                          const PathBudget& budget);

}  // namespace veer

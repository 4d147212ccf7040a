#include "rewards/path_budget.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>

namespace veer {
namespace {

constexpr float no_such_limit = std::numeric_limits<float>::quiet_NaN();

}  // namespace

std::string_view name_of(BudgetMetric metric) noexcept {
  constexpr std::array<std::string_view, budget_metrics> names = {"within_budget",     "never_shown",
                                                                  "largest_rank_loss", "rank_loss_steps",
                                                                  "weak_steps",        "weak_steps_too_many"};
  return names[static_cast<std::size_t>(metric)];
}

BudgetScores score_budget(const Trajectories& paths, const JudgeScores& judge, const Catalogue& catalogue,
                          const PathBudget& budget) {
  assert(paths.slots == 1);
  assert(judge.rank.size() == at(paths.steps()));
  assert(judge.acceptance.size() == at(paths.steps()));
  std::vector<std::uint8_t> barred(at(catalogue.size()) + 1, 0);
  for (ItemId item = 1; item <= catalogue.size(); ++item) {
    for (const std::int32_t attribute : catalogue.attributes_of(item)) {
      const auto found = std::find(budget.never_show.begin(), budget.never_show.end(), attribute);
      if (found != budget.never_show.end()) barred[at(item)] = 1;
    }
  }
  const bool bars = !budget.never_show.empty(), ranks = budget.rank_loss != PathBudget::no_limit,
             counts_weak = budget.weak_steps != PathBudget::no_limit;
  BudgetScores scores(paths.episodes());
  for (std::size_t e = 0; e < at(paths.episodes()); ++e) {
    const std::size_t first = at(paths.first_step[e]);
    std::int32_t never_shown = 0, loss = 0, rank_breaks = 0, weak = 0;
    for (std::size_t step = first; step < first + at(paths.length[e]); ++step) {
      if (paths.items[step] == no_item) continue;  // the policy stopped: nothing was shown
      never_shown += barred[at(paths.items[step])];
      const std::int32_t lost = judge.rank[step] - judge.start_rank[e];
      loss = std::max(loss, lost);
      rank_breaks += lost > budget.rank_loss ? 1 : 0;
      weak += judge.acceptance[step] < budget.weak_below ? 1 : 0;
    }
    const std::int32_t too_many = std::max(0, weak - budget.weak_steps);
    const bool within =
        (!bars || never_shown == 0) && (!ranks || rank_breaks == 0) && (!counts_weak || too_many == 0);
    const auto set = [&](BudgetMetric metric, bool limited, std::int32_t value) {
      scores.of(metric)[e] = limited ? static_cast<float>(value) : no_such_limit;
    };
    set(BudgetMetric::within, true, within ? 1 : 0);
    set(BudgetMetric::never_shown, bars, never_shown);
    set(BudgetMetric::rank_loss, ranks, loss);
    set(BudgetMetric::rank_breaks, ranks, rank_breaks);
    set(BudgetMetric::weak, counts_weak, weak);
    set(BudgetMetric::weak_breaks, counts_weak, too_many);
  }
  return scores;
}

}  // namespace veer

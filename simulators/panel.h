// A panel of judges: the same paths under several user models, and how far they disagree.
//
// A verdict that only the model a policy planned with would sign says more about that model than about
// people. Thread-safety: the panel is not changed after construction; the statistics are pure functions.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "env/loop/trajectories.h"
#include "env/user_model.h"

namespace veer {

struct Judge {
  std::string name;       ///< "gru4rec/train_judge", unique in its panel
  std::string fitted_on;  ///< which people it learned from, for tables
  std::shared_ptr<const UserModel> model;
};

class Panel {
 public:
  /// Throws ConfigError for an empty panel, a missing model, a repeated name, or models of different
  /// catalogues.
  explicit Panel(std::vector<Judge> judges);

  std::span<const Judge> judges() const noexcept { return judges_; }
  std::vector<std::string> names() const;
  /// Appends one JudgeScores per judge, in the panel's order. Throws ConfigError when the paths were judged
  /// before. `cache_mb` bounds the key/value caches of a judge at work; it changes no result.
  void judge(Trajectories& paths, std::int64_t cache_mb = no_cache_bound) const;

 private:
  std::vector<Judge> judges_;
};

/// How far judges are apart on one metric of one path (or of anything else they all put a number on).
struct Spread {
  float mean = 0.0F;   ///< over judges
  float range = 0.0F;  ///< largest minus smallest
  float deviation =
      0.0F;  ///< standard deviation over judges, dividing by their number: they are all the judges there are
};

/// values[j, i] is what judge j says about path i. One Spread per path. NaN from any judge makes that path's
/// spread NaN. REQUIRES: at least one judge.
std::vector<Spread> spread_between_judges(View<const float> values);

/// Spearman's rank correlation, ties at their mean rank: 1 same order, -1 reversed. NaN with fewer than two
/// values or when one side is constant. REQUIRES: equal sizes, no NaN.
double rank_correlation(std::span<const float> a, std::span<const float> b);

/// values[j, p] is the mean metric of policy p under judge j. Returns the judges x judges matrix of rank
/// correlations of the policies, row by row: do two judges agree on who is better?
std::vector<double> judge_agreement(View<const float> values);

}  // namespace veer

// What a path did, episode by episode and under one judge, and what that says about a policy on average.
//
// Source of the metrics: "ProRL", arXiv 2605.28293, and its released evaluator. H is the history at the
// start, P the items the person accepted (with acceptance "always": everything shown), g the target.
//
// Refused items: they are shown, so they count in CTR, acceptance rate, time and length; they are no part of
// P, so they do not count in Coherence. IoI and IoR compare the judge's view after the last step with its
// view before the first. Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "env/data/attribute_table.h"
#include "env/loop/trajectories.h"
#include "rewards/metric_columns.h"

namespace veer {

/// The columns of EpisodeScores, in the order they are printed.
enum class PathMetric : std::uint8_t {
  ioi,        ///< ln p(g | after) - ln p(g | before); 0 for an empty path
  ior,        ///< rank before - rank after, positive is better; 0 for an empty path
  ctr,        ///< mean over what was shown of the judge's acceptance probability; 0 for an empty path
  coherence,  ///< the paper's: share of adjacent pairs inside P with an attribute in common; NaN when |P| < 2
  coherence_target,  ///< the released evaluator's: pairs of P followed by g, divided by |P|; 0 when P is
                     ///< empty
  acceptance_rate,   ///< accepted / shown; NaN when nothing was shown
  reached,           ///< 1 when g was accepted, else 0
  time_to_target,    ///< steps up to and including the first in which g was accepted; NaN when it was not
  abandoned,         ///< 1 when the person left, else 0
  length,            ///< items shown
  disagreement,  ///< mean over what was shown of JudgeScores::acceptance_deviation; NaN under a judge that
                 ///< is no ensemble or when nothing was shown
  interest_disagreement,  ///< the same of JudgeScores::interest_deviation, nats
  off_data,  ///< share of what was shown whose support (env/data/support.h) is 0; NaN where it is not given
             ///< or nothing was shown
  holds_target,   ///< 1 when the target itself was shown, else 0
  holds_history,  ///< 1 when an item that the episode began with was shown again, else 0
  holds_repeat,   ///< 1 when an item was shown twice, else 0
};

inline constexpr std::int32_t path_metrics = 16;
std::string_view name_of(PathMetric metric) noexcept;

/// One value per metric and episode. NaN: the metric is not defined for that episode; summaries skip it.
using EpisodeScores = MetricColumns<PathMetric, path_metrics>;

/// Scores every episode. `judge` must be aligned with `paths`, and so must `support` [steps] where it is not
/// empty. REQUIRES: paths.slots == 1.
EpisodeScores score_episodes(const Trajectories& paths, const JudgeScores& judge,
                             const AttributeTable& attributes, std::span<const std::int32_t> support = {});

}  // namespace veer

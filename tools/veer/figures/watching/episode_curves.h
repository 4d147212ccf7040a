// What happened step by step, averaged over episodes: how interest and rank move along guidance paths, how
// many people stay and take in sessions. Thread-safety: add() from one thread; const calls are safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "env/loop/trajectories.h"
#include "tools/veer/figures/methods/method_table.h"

namespace veer::tools {

enum class CurveKind : std::uint8_t {
  interest,    ///< guidance: ln p(target), from the start on; what a path has ended with stays
  rank,        ///< guidance: of the target, from the start on; likewise
  acceptance,  ///< guidance: probability that what the k-th step shows is accepted, of paths that have one
  present,     ///< sessions: share of episodes that have a k-th step
  taken,   ///< sessions: share of what the k-th step shows that is clicked or bought, of those that have one
  bought,  ///< sessions: the same of what is bought
};

struct StepCurve {
  std::int32_t first_x = 0;             ///< 0: before the first step; 1: the first step
  std::vector<double> mean, low, high;  ///< per step; NaN where nothing is defined. 95 %, normal, over people
};

class EpisodeCurves {
 public:
  /// `judged`: guidance, one set of curves per judge; otherwise sessions.
  explicit EpisodeCurves(bool judged) : judged_(judged) {}

  std::vector<CurveKind> kinds() const;
  /// Keeps a float per step, episode, kind and judge. REQUIRES: the same episodes and judges as before.
  void add(const std::string& policy, const Trajectories& paths);
  /// Mean over the training seeds of a method, episode by episode, then over episodes. REQUIRES: its policies
  /// were added.
  StepCurve of(const Method& method, std::size_t judge, CurveKind kind) const;

 private:
  using Columns = std::vector<std::vector<float>>;  ///< [steps][episodes]; NaN where undefined
  struct Played {
    std::string policy;
    std::vector<Columns> columns;  ///< [judges, kinds]
  };
  bool judged_;
  std::vector<UserId> people_;
  std::vector<Played> played_;
};

}  // namespace veer::tools

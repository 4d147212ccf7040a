#include "tools/veer/figures/watching/run_figures.h"

#include <limits>

namespace veer::tools {
namespace {

void add_judged(const Trajectories& paths, const JudgeScores& judge, std::vector<RunFigure>& out) {
  RunFigure ioi{judge.judge, "ioi", {}}, ior{judge.judge, "ior", {}}, ctr{judge.judge, "ctr", {}};
  for (std::size_t e = 0; e < paths.length.size(); ++e) {
    const std::size_t first = at(paths.first_step[e]), steps = at(paths.length[e]);
    const std::size_t last = first + steps - 1;
    double sum = 0.0;
    for (std::size_t s = first; s < first + steps; ++s) sum += judge.acceptance[s];
    ioi.values.push_back(steps == 0 ? 0.0F : judge.interest[last] - judge.start_interest[e]);
    ior.values.push_back(steps == 0 ? 0.0F : static_cast<float>(judge.start_rank[e] - judge.rank[last]));
    ctr.values.push_back(steps == 0 ? 0.0F : static_cast<float>(sum / static_cast<double>(steps)));
  }
  for (RunFigure* each : {&ioi, &ior, &ctr}) out.push_back(std::move(*each));
}

}  // namespace

std::vector<RunFigure> run_figures(const Trajectories& paths) {
  std::vector<RunFigure> out;
  for (const JudgeScores& judge : paths.judges) add_judged(paths, judge, out);
  RunFigure length{"", "length", {}}, taken{"", "taken", {}};
  for (std::size_t e = 0; e < paths.length.size(); ++e) {
    const std::size_t begin = at(paths.first_step[e]) * at(paths.slots);
    const std::size_t end = begin + at(paths.length[e]) * at(paths.slots);
    std::int64_t shown = 0, accepted = 0;
    for (std::size_t i = begin; i < end; ++i) {
      shown += paths.items[i] != no_item ? 1 : 0;
      accepted += paths.items[i] != no_item && (paths.feedback[i] & feedback::accepted) != 0 ? 1 : 0;
    }
    length.values.push_back(static_cast<float>(paths.length[e]));
    taken.values.push_back(
        shown == 0 ? std::numeric_limits<float>::quiet_NaN()
                   : static_cast<float>(static_cast<double>(accepted) / static_cast<double>(shown)));
  }
  out.push_back({"", "return", paths.episode_return});
  out.push_back(std::move(length));
  out.push_back(std::move(taken));
  return out;
}

}  // namespace veer::tools

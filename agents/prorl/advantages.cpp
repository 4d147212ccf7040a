#include "agents/prorl/advantages.h"

namespace veer::prorl {
namespace {

/// Return to go of every choice of every row, [rows, width + 1].
std::vector<double> returns_to_go(const PathRewards& paths) {
  const auto rows = static_cast<std::int32_t>(paths.length.size());
  const std::size_t columns = at(paths.width) + 1;
  std::vector<double> out(at(rows) * columns, 0.0);
  for (std::int32_t r = 0; r < rows; ++r) {
    for (std::int32_t t = paths.length[at(r)]; t-- > 0;) {
      const std::size_t here = at(r) * columns + at(t);
      out[here] = double{paths.rewards[at(r) * at(paths.width) + at(t)]} + paths.discount * out[here + 1];
    }
  }
  return out;
}

/// Mean over the group of one value per row, over the rows that made a choice at position t.
struct GroupMean {
  double sum = 0.0;
  std::int32_t count = 0;
};

}  // namespace

Advantages estimate_advantages(const PathRewards& paths, Estimator estimator) {
  const auto rows = static_cast<std::int32_t>(paths.length.size());
  const std::size_t columns = at(paths.width) + 1;
  const std::vector<double> to_go = returns_to_go(paths);
  Advantages out;
  out.values.assign(at(rows) * columns, 0.0F);
  out.returns.assign(to_go.begin(), to_go.end());
  const bool own_position = estimator == Estimator::position || estimator == Estimator::leave_one_out;
  double squares = 0.0;
  std::int64_t choices = 0;
  for (std::int32_t first = 0; first < rows; first += paths.group) {
    for (std::int32_t t = 0; t <= paths.width; ++t) {
      // A whole path's reward stands at its first position: that of `group` is the same at every t.
      const std::size_t column = estimator == Estimator::group ? 0 : at(t);
      GroupMean mean;
      for (std::int32_t r = first; r < first + paths.group; ++r) {
        if (!chose(paths, r, static_cast<std::int32_t>(column))) continue;
        mean.sum += to_go[at(r) * columns + column];
        ++mean.count;
      }
      for (std::int32_t r = first; r < first + paths.group; ++r) {
        if (!chose(paths, r, t)) continue;
        const std::size_t here = at(r) * columns + at(t);
        double value = to_go[here];
        switch (estimator) {
          case Estimator::position:
            value -= mean.sum / mean.count;
            break;
          case Estimator::leave_one_out:
            value = mean.count > 1 ? value - (mean.sum - value) / (mean.count - 1) : 0.0;
            break;
          case Estimator::reward_to_go:
            break;
          case Estimator::reinforce:
            value = to_go[at(r) * columns];
            break;
          case Estimator::group:
            value = to_go[at(r) * columns] - mean.sum / mean.count;
            break;
          case Estimator::critic:
            value -= double{paths.expected[here]};
            break;
        }
        if (own_position && mean.count == 1) ++out.alone;
        out.values[here] = static_cast<float>(value);
        squares += value * value;
        ++choices;
      }
    }
  }
  out.variance = choices > 0 ? squares / static_cast<double>(choices) : 0.0;
  return out;
}

}  // namespace veer::prorl

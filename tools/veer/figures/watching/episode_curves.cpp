#include "tools/veer/figures/watching/episode_curves.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "rewards/summary.h"

namespace veer::tools {
namespace {

using StepColumns = std::vector<std::vector<float>>;
constexpr float not_defined = std::numeric_limits<float>::quiet_NaN();

/// A value at the start and after every step; episodes that are over keep theirs.
template <class T>
StepColumns from_start(const Trajectories& paths, std::int32_t steps, const std::vector<T>& start,
                       const std::vector<T>& after) {
  StepColumns out(at(steps) + 1, std::vector<float>(at(paths.episodes())));
  for (std::size_t e = 0; e < start.size(); ++e) {
    float value = static_cast<float>(start[e]);
    out[0][e] = value;
    for (std::int32_t k = 0; k < steps; ++k) {
      if (k < paths.length[e]) value = static_cast<float>(after[at(paths.first_step[e] + k)]);
      out[at(k) + 1][e] = value;
    }
  }
  return out;
}

/// A value per step, `value(step)`, where the episode has that step.
template <class Value>
StepColumns per_step(const Trajectories& paths, std::int32_t steps, Value value) {
  StepColumns out(at(steps), std::vector<float>(at(paths.episodes()), not_defined));
  for (std::size_t e = 0; e < paths.length.size(); ++e) {
    for (std::int32_t k = 0; k < paths.length[e]; ++k) out[at(k)][e] = value(at(paths.first_step[e] + k));
  }
  return out;
}

/// Share of a step's items whose answer has the bit.
auto share_with(const Trajectories& paths, std::uint8_t bit) {
  return [&paths, bit](std::size_t step) {
    const std::size_t slots = at(paths.slots);
    int shown = 0, yes = 0;
    for (std::size_t cell = step * slots; cell < (step + 1) * slots; ++cell) {
      if (paths.items[cell] == no_item) continue;
      ++shown;
      yes += (paths.feedback[cell] & bit) != 0 ? 1 : 0;
    }
    return shown == 0 ? not_defined : static_cast<float>(yes) / static_cast<float>(shown);
  };
}

}  // namespace

std::vector<CurveKind> EpisodeCurves::kinds() const {
  if (judged_) return {CurveKind::interest, CurveKind::rank, CurveKind::acceptance};
  return {CurveKind::present, CurveKind::taken, CurveKind::bought};
}

void EpisodeCurves::add(const std::string& policy, const Trajectories& paths) {
  people_ = paths.episode_user;
  std::int32_t steps = 0;
  for (const std::int32_t length : paths.length) steps = std::max(steps, length);
  Played played{policy, {}};
  if (judged_) {
    for (const JudgeScores& judge : paths.judges) {
      played.columns.push_back(from_start(paths, steps, judge.start_interest, judge.interest));
      played.columns.push_back(from_start(paths, steps, judge.start_rank, judge.rank));
      played.columns.push_back(per_step(paths, steps, [&](std::size_t s) { return judge.acceptance[s]; }));
    }
  } else {
    StepColumns present = per_step(paths, steps, [](std::size_t) { return 1.0F; });
    for (std::vector<float>& step : present) {
      for (float& value : step) value = std::isnan(value) ? 0.0F : value;
    }
    played.columns.push_back(std::move(present));
    played.columns.push_back(per_step(paths, steps, share_with(paths, feedback::accepted)));
    played.columns.push_back(per_step(paths, steps, share_with(paths, feedback::purchased)));
  }
  played_.push_back(std::move(played));
}

StepCurve EpisodeCurves::of(const Method& method, std::size_t judge, CurveKind kind) const {
  const std::vector<CurveKind> all = kinds();
  const std::size_t place =
      (judged_ ? judge : 0) * all.size() + at(std::find(all.begin(), all.end(), kind) - all.begin());
  const bool stays = kind == CurveKind::interest || kind == CurveKind::rank;
  const bool gone = kind == CurveKind::present;
  std::vector<const Columns*> seeds;
  std::size_t steps = 0;
  for (const Played& played : played_) {
    steps = std::max(steps, played.columns[place].size());
    if (std::find(method.policies.begin(), method.policies.end(), played.policy) == method.policies.end())
      continue;
    seeds.push_back(&played.columns[place]);
  }
  StepCurve out;
  out.first_x = stays ? 0 : 1;
  std::vector<float> values(people_.size());
  for (std::size_t k = 0; k < steps; ++k) {
    for (std::size_t e = 0; e < values.size(); ++e) {
      double sum = 0.0;
      int count = 0;
      for (const Columns* seed : seeds) {
        // A policy whose episodes are all shorter: its last value stays, or nobody is left.
        if (k >= seed->size() && !stays && !gone) continue;
        const float value = k < seed->size() ? (*seed)[k][e] : gone ? 0.0F : seed->back()[e];
        if (std::isnan(value)) continue;
        sum += value;
        ++count;
      }
      values[e] = count == 0 ? not_defined : static_cast<float>(sum / count);
    }
    const Summary summary = summarise(values, {.interval = Interval::normal}, people_);
    out.mean.push_back(summary.count == 0 ? std::nan("") : summary.mean);
    out.low.push_back(summary.low);
    out.high.push_back(summary.high);
  }
  return out;
}

}  // namespace veer::tools

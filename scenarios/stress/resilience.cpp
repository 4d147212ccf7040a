#include "scenarios/stress/resilience.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace veer::stress {
namespace {

constexpr std::int32_t window = 3;        ///< steps that drop and recovery look at together
constexpr double recovered_within = 0.1;  ///< of calm's worth
constexpr float no_value = std::numeric_limits<float>::quiet_NaN();

/// Sum of an episode's steps [first, last).
std::vector<float> sums(std::span<const float> worth, std::int32_t horizon, std::int32_t first,
                        std::int32_t last) {
  std::vector<float> out;
  for (std::size_t row = 0; row < worth.size(); row += at(horizon)) {
    double sum = 0.0;
    for (std::int32_t k = first; k < last; ++k) sum += double{worth[row + at(k)]};
    out.push_back(static_cast<float>(sum));
  }
  return out;
}

/// 1 - mean(stressed) / mean(calm), people resampled together.
Estimate share_lost(const CrossedBootstrap& bootstrap, const std::vector<float>& calm,
                    const std::vector<float>& stressed) {
  std::vector<double> before = bootstrap.replicates({calm}, 0);
  const std::vector<double> after = bootstrap.replicates({stressed}, 0);
  for (std::size_t r = 0; r < before.size(); ++r) {
    before[r] = before[r] > 0.0 ? 1.0 - after[r] / before[r] : std::numeric_limits<double>::quiet_NaN();
  }
  return bootstrap.estimate(std::move(before));
}

std::int32_t recovery_of(const Resilience& found) {
  const auto horizon = static_cast<std::int32_t>(found.calm.size());
  std::int32_t since = -1;
  for (std::int32_t k = found.onset; k + window <= horizon; ++k) {
    double calm = 0.0, stressed = 0.0;
    for (std::int32_t i = k; i < k + window; ++i) {
      calm += found.calm[at(i)];
      stressed += found.stressed[at(i)];
    }
    if (calm <= 0.0) continue;  // where nothing is brought nothing can come back
    const bool fine = calm - stressed <= recovered_within * calm;
    if (!fine) {
      since = -1;
    } else if (since < 0) {
      since = k - found.onset;
    }
  }
  return since;
}

}  // namespace

std::vector<float> step_worth(const Trajectories& episodes, std::int32_t horizon, const AnswerWorth& worth) {
  std::vector<float> out(at(episodes.episodes()) * at(horizon), 0.0F);
  for (std::size_t e = 0; e < at(episodes.episodes()); ++e) {
    for (std::int32_t k = 0; k < std::min(episodes.length[e], horizon); ++k) {
      float& sum = out[e * at(horizon) + at(k)];
      for (std::int32_t slot = 0; slot < episodes.slots; ++slot) {
        const std::size_t cell = at((episodes.first_step[e] + k) * episodes.slots + slot);
        if (episodes.items[cell] == no_item) continue;
        const std::uint8_t answer = episodes.feedback[cell];
        if ((answer & feedback::accepted) == 0) {
          sum -= worth.skip;
        } else {
          sum += (answer & feedback::purchased) != 0 ? worth.purchase : worth.click;
        }
      }
    }
  }
  return out;
}

std::vector<float> figure_of(const Trajectories& episodes, GateFigure figure) {
  if (figure == GateFigure::worth) return episodes.episode_return;
  std::vector<float> out(at(episodes.episodes()), 0.0F);
  for (std::size_t e = 0; e < out.size(); ++e) {
    const std::int64_t first = episodes.first_step[e] * episodes.slots;
    for (std::int64_t cell = first; cell < first + std::int64_t{episodes.length[e]} * episodes.slots;
         ++cell) {
      if (episodes.items[at(cell)] == no_item) continue;
      const std::uint8_t answer = episodes.feedback[at(cell)];
      const bool taken = (answer & feedback::accepted) != 0,
                 bought = taken && (answer & feedback::purchased) != 0;
      out[e] += figure == GateFigure::length                     ? 1.0F
                : (figure == GateFigure::taken ? taken : bought) ? 1.0F
                                                                 : 0.0F;
    }
  }
  return out;
}

Resilience resilience_of(std::span<const float> calm, std::span<const float> stressed, std::int32_t horizon,
                         const StressTest& test, std::span<const UserId> people,
                         std::span<const std::uint8_t> hit, const CrossedOptions& options) {
  Resilience out;
  const auto width = at(horizon);
  const auto mean_curve = [&](std::span<const float> worth) {
    std::vector<double> curve(width);
    for (std::size_t i = 0; i < worth.size(); ++i) curve[i % width] += double{worth[i]};
    for (double& value : curve) value /= static_cast<double>(worth.size() / width);
    return curve;
  };
  out.calm = mean_curve(calm);
  out.stressed = mean_curve(stressed);
  out.onset = horizon;
  for (const Perturbation& each : test.perturbations) out.onset = std::min(out.onset, each.schedule.onset);
  const CrossedBootstrap bootstrap(people, options);
  const auto lost = [&](std::int32_t last, bool only_hit) {
    std::vector<float> before = sums(calm, horizon, out.onset, last);
    std::vector<float> after = sums(stressed, horizon, out.onset, last);
    for (std::size_t e = 0; only_hit && e < before.size(); ++e) {
      if (hit[e] == 0) before[e] = after[e] = no_value;
    }
    return share_lost(bootstrap, before, after);
  };
  out.drop = lost(std::min(horizon, out.onset + window), false);
  out.lost = lost(horizon, false);
  const bool all_hit = std::all_of(hit.begin(), hit.end(), [](std::uint8_t h) { return h != 0; });
  const double none = std::numeric_limits<double>::quiet_NaN();
  out.lost_hit = all_hit ? Estimate{none, none, none, none} : lost(horizon, true);
  out.recovery = recovery_of(out);
  return out;
}

}  // namespace veer::stress

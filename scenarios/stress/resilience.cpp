#include "scenarios/stress/resilience.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "scenarios/stress/both_crowds.h"
#include "scenarios/stress/lots.h"

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

/// 1 - mean(stressed) / mean(calm) from replicates of both means in which people are resampled together.
Estimate share_lost(const CrossedBootstrap& bootstrap, std::vector<double> calm,
                    const std::vector<double>& stressed) {
  for (std::size_t r = 0; r < calm.size(); ++r) {
    calm[r] = calm[r] > 0.0 ? 1.0 - stressed[r] / calm[r] : std::numeric_limits<double>::quiet_NaN();
  }
  return bootstrap.estimate(std::move(calm));
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
      std::size_t clicks = 0;
      for (std::int32_t slot = 0; slot < episodes.slots; ++slot) {
        const std::size_t cell = at((episodes.first_step[e] + k) * episodes.slots + slot);
        if (episodes.items[cell] == no_item) continue;
        const std::uint8_t answer = episodes.feedback[cell];
        clicks += (answer & feedback::accepted) != 0 ? 1 : 0;
        if ((answer & feedback::accepted) == 0) {
          sum -= worth.skip;
        } else {
          sum += (answer & feedback::purchased) != 0 ? worth.purchase : worth.click;
        }
      }
      if (!worth.slate.empty()) sum = worth.slate[std::min(clicks, worth.slate.size() - 1)];
    }
  }
  return out;
}

std::vector<float> figure_of(const Trajectories& episodes, GateFigure figure) {
  if (figure == GateFigure::worth) return episodes.episode_return;
  std::vector<float> out(at(episodes.episodes()), 0.0F);
  for (std::size_t e = 0; e < out.size(); ++e) {
    for (std::int64_t step = episodes.first_step[e]; step < episodes.first_step[e] + episodes.length[e];
         ++step) {
      bool shows = false;
      for (std::int32_t slot = 0; slot < episodes.slots; ++slot) {
        const std::size_t cell = at(step * episodes.slots + slot);
        if (episodes.items[cell] == no_item) continue;
        shows = true;
        const std::uint8_t answer = episodes.feedback[cell];
        const bool taken = (answer & feedback::accepted) != 0,
                   bought = taken && (answer & feedback::purchased) != 0;
        if (figure != GateFigure::length)
          out[e] += (figure == GateFigure::taken ? taken : bought) ? 1.0F : 0.0F;
      }
      if (figure == GateFigure::length) out[e] += shows ? 1.0F : 0.0F;
    }
  }
  return out;
}

EpisodeStarts starts_of(const Trajectories& episodes) {
  return {episodes.episode_id, episodes.episode_user, episodes.history_width, episodes.history};
}

std::vector<std::uint8_t> hit_by(const StressTest& test, std::uint64_t seed, const EpisodeStarts& calm,
                                 const EpisodeStarts& stressed) {
  const auto history_of = [](const EpisodeStarts& starts, std::size_t e) {
    return std::span(starts.history).subspan(e * at(starts.width), at(starts.width));
  };
  std::vector<std::uint8_t> out;
  for (std::size_t e = 0; e < calm.episode.size(); ++e) {
    bool hit = false;
    for (std::size_t i = 0; i < test.perturbations.size(); ++i) {
      if (test.perturbations[i].kind == PerturbationKind::cohort_mix) {
        hit = hit || calm.person[e] != stressed.person[e] ||
              !std::ranges::equal(history_of(calm, e), history_of(stressed, e));
      } else {
        hit = hit || is_affected(test.perturbations[i], i, {seed, calm.episode[e], 0});
      }
    }
    out.push_back(hit ? 1 : 0);
  }
  return out;
}

Resilience resilience_of(std::span<const float> calm, std::span<const float> stressed, std::int32_t horizon,
                         const StressTest& test, std::span<const UserId> people,
                         std::span<const std::uint8_t> hit, const CrossedOptions& options,
                         std::span<const UserId> guests) {
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
  const bool apart = !guests.empty() && !std::ranges::equal(people, guests);
  const BothCrowds crowds(people, apart ? guests : std::span<const UserId>(), options);
  const auto lost = [&](std::int32_t last, bool only_hit) {
    std::vector<float> before = sums(calm, horizon, out.onset, last);
    std::vector<float> after = sums(stressed, horizon, out.onset, last);
    for (std::size_t e = 0; only_hit && e < before.size(); ++e) {
      if (hit[e] == 0) before[e] = after[e] = no_value;
    }
    return share_lost(crowds.bootstrap(), crowds.replicates_of_first(before),
                      apart ? crowds.replicates_of_second(after) : crowds.replicates_of_first(after));
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

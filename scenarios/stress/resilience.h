// What stress did to a policy: the same episodes in the calm and in the stressed world, step by step.
// Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/loop/trajectories.h"
#include "rewards/crossed.h"
#include "scenarios/stress/suite.h"

namespace veer::stress {

/// What an answer is worth.
struct AnswerWorth {
  float click = 0.2F, purchase = 1.0F, skip = 0.0F;
  /// Of slates: what one with 0, 1, .. clicks is worth, instead of the sum over its answers. Empty: the sum.
  std::vector<float> slate{};
};

/// [episodes, horizon] what every step brought; 0 once the person has left: what is lost by driving people
/// away counts like what is lost by boring them.
std::vector<float> step_worth(const Trajectories& episodes, std::int32_t horizon, const AnswerWorth& worth);

/// A gate's figure of every episode. REQUIRES: for `worth`, a scenario with rewards.
std::vector<float> figure_of(const Trajectories& episodes, GateFigure figure);

/// How episodes began, and whose they were.
struct EpisodeStarts {
  std::vector<EpisodeId> episode;
  std::vector<UserId> person;
  std::int32_t width = 0;
  std::vector<ItemId> history;  ///< [episodes, width]
};
EpisodeStarts starts_of(const Trajectories& episodes);

/// Which episodes the test happens to: those of is_affected(); of cohort_mix those that somebody else plays,
/// or the same person from another start. REQUIRES: the same episodes.
std::vector<std::uint8_t> hit_by(const StressTest& test, std::uint64_t seed, const EpisodeStarts& calm,
                                 const EpisodeStarts& stressed);

struct Resilience {
  std::vector<double> calm, stressed;  ///< [horizon] means of step_worth
  std::int32_t onset = 0;              ///< the earliest of the perturbations
  Estimate
      drop;  ///< share of calm's worth lost in the first three steps from the onset on; NaN where it is 0
  Estimate lost;      ///< the same from the onset to the end
  Estimate lost_hit;  ///< the same of the episodes that the stress happens to; NaN where it happens to all
  /// Steps from the onset until the loss, over windows of three steps, stays within a tenth of calm's worth;
  /// windows in which calm brings nothing aside; -1: never.
  std::int32_t recovery = -1;
};

/// `calm` and `stressed`: step_worth of the same episodes; `people` whose they are, `guests` whose they are
/// under stress (empty: the same people's); `hit` [episodes] whether the stress happens to them.
Resilience resilience_of(std::span<const float> calm, std::span<const float> stressed, std::int32_t horizon,
                         const StressTest& test, std::span<const UserId> people,
                         std::span<const std::uint8_t> hit, const CrossedOptions& options,
                         std::span<const UserId> guests = {});

}  // namespace veer::stress

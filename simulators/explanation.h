// Why interest in the target changed along a path, and what would have become of it without the guidance.
//
// Two answers for one episode under one user model. The split: each step's change of ln p(target) is the sum
// of what it changed by as one mechanism acted after the other, measured in between. The parts telescope:
// they sum to the step's change exactly. Each part is what this mechanism added where it stands in the order
// of the step; another order would book interactions of mechanisms elsewhere. The candidates are the whole
// catalogue at every step, so nothing is left over for a change of candidates.
//
// The counterfactual: the same person, from the same start and with the same random numbers (Philox keys of
// seed, episode and step), goes on choosing for themselves. The difference is the effect of the guidance
// under this model. It is simulated: rates fitted to logs predict, they do not prove causes.
//
// Thread-safety: free functions on immutable data. Torch-free.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "env/loop/trajectories.h"
#include "env/user_model.h"
#include "simulators/mechanisms.h"

namespace veer {

/// The split of one episode's steps.
struct PathExplanation {
  std::vector<std::string> mechanisms;  ///< that are on, in the order in which they act
  float start_interest = 0.0F;          ///< ln p(target) before the first step
  std::vector<float> interest;          ///< [steps] after the step
  std::vector<double> parts;            ///< [steps, mechanisms] change of ln p(target), in nats

  double part(std::size_t step, std::size_t mechanism) const {
    return parts[step * mechanisms.size() + mechanism];
  }
  /// Interest after the step minus before it.
  double change(std::size_t step) const {
    return double{interest[step]} - double{step == 0 ? start_interest : interest[step - 1]};
  }
};

/// The model's other face, or null when it names no mechanisms.
const NamesMechanisms* mechanisms_of(const UserModel& model) noexcept;

/// Plays the steps of one episode again under `model`, with their answers, knobs and random numbers, and
/// measures after every mechanism. Throws ConfigError for a model that names no mechanisms and for steps of
/// several items. REQUIRES: 0 <= episode < paths.episodes(); the episode has a target.
PathExplanation explain_path(const UserModel& model, const Trajectories& paths, std::int64_t episode);

/// What the person of one episode takes without a recommender, in as many steps, and what becomes of the
/// target. `rest` as in long_run::RollOptions: which items may be taken again. Knobs stay at 1 while they
/// choose. The result is that one episode as it went then, everything accepted, judged by `model` alone
/// (judges[0]); no_item where nothing was left to take. Throws what explain_path() throws for steps of
/// several items.
Trajectories without_guidance(const UserModel& model, const Trajectories& paths, std::int64_t episode,
                              std::int32_t rest);

}  // namespace veer

// Paths that some policy played as training material: what a path model learns when it is taught by another
// policy instead of by people's own paths. Torch-free; not thread-safe while it is built, immutable then.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "env/data/dataset.h"
#include "env/data/path_miner.h"
#include "env/loop/trajectories.h"

namespace veer {

/// Examples of the episodes of one policy: the newest `most_history` items that an episode began with, its
/// target, and the items that were accepted, in order. Episodes without a target, or in which nothing was
/// accepted, teach nothing. Owns what its examples point into.
class PathLessons {
 public:
  /// Every tenth person, drawn from (the seed of the run, person), is kept for validation: people of
  /// train_plan too, whom other trainings may have learned from, but the same for every training seed. `name`
  /// stands for the run in messages. Throws DataError when somebody is not of Part::train_plan, the people
  /// that policies may learn from, when an episode begins with fewer than `most_history` items, or when
  /// nothing is left to learn from.
  PathLessons(const Trajectories& played, const Dataset& data, std::int32_t most_history,
              const std::string& name);
  PathLessons(PathLessons&&) = default;

  const std::vector<PathExample>& training() const noexcept { return training_; }
  const std::vector<PathExample>& validation() const noexcept { return validation_; }

 private:
  std::vector<ItemId> items_;  ///< history and path of each example, one behind the other
  std::vector<PathExample> training_, validation_;
};

}  // namespace veer

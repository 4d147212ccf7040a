// A fixed number of steps of every row: what a learner reads.
#pragma once

#include <cstdint>
#include <vector>

#include "env/batch.h"
#include "env/learner.h"

namespace veer {

/// Transitions of `steps` steps of a batch, index = step * rows + row. Filled by Engine::collect; each shard
/// writes its own rows, so no lock is needed. Keeps the final observation of an episode, not the next
/// episode's first.
class Rollout : public TransitionSource {
 public:
  Rollout(const BatchShape& shape, std::int32_t steps);

  std::int32_t rows() const noexcept { return shape_.rows; }
  std::int32_t steps() const noexcept { return steps_; }
  std::int64_t size() const noexcept override { return std::int64_t{steps_} * shape_.rows; }
  void gather(std::span<const std::int64_t> indices, Transitions& out) const override;
  const Transitions& all() const noexcept { return data_; }

  /// Called by the engine before the action is applied, and after the step is complete (before any reset).
  void store_before(std::int32_t step, std::int32_t first_row, const Shard& shard) noexcept;
  void store_after(std::int32_t step, std::int32_t first_row, const Shard& shard) noexcept;

 private:
  BatchShape shape_;
  std::int32_t steps_;
  Transitions data_;
};

}  // namespace veer

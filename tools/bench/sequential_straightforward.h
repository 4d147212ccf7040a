// Next-item training as a script on the same library would do it: all windows materialised as tensors, one
// autograd graph over the whole batch, all scores of the catalogue kept for the backward pass, LibTorch's own
// Adam on dense gradients, threads inside the operations. Torch-free header; not thread-safe.
#pragma once

#include <memory>

#include "tools/bench/sequential_learner.h"

namespace veer::bench {

struct RankBounds {
  std::int64_t lowest = 0;
  std::int64_t highest = 0;
};

class StraightforwardLearner {
 public:
  /// Begins with the weights of `from`. Materialises every window of `sessions`.
  StraightforwardLearner(const LearnerShape& shape, const SequentialLearner& from, const Sessions& sessions);
  ~StraightforwardLearner();

  /// Mean loss of the events before the update.
  double step(const std::vector<std::int64_t>& events, std::uint32_t number);
  /// Ranks of the actions by a full sort of all scores, in batches of 256; with `bounds`, the ranks that
  /// rounding alone could produce.
  std::vector<std::int64_t> rank(const std::vector<std::int64_t>& events,
                                 std::vector<RankBounds>* bounds = nullptr);
  double bytes_per_event() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veer::bench

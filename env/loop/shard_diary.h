// What one shard has played during evaluation: episodes under way row by row, finished ones as trajectories.
// Internal to env/. Not thread-safe: it belongs to the worker that plays the shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "env/batch.h"
#include "env/loop/trajectories.h"
#include "env/spec.h"

namespace veer {

class ShardDiary {
 public:
  ShardDiary(const BatchShape& shape, const EnvSpec& spec);

  /// The row has just begun an episode.
  void begin(std::int32_t row, const Shard& shard);
  /// The row has just taken step shard.step(row).
  void note(std::int32_t row, const Shard& shard);
  /// The row's episode is over after the step just noted. The step at which a policy stops shows nothing and
  /// is left out.
  void finish(std::int32_t row, const Shard& shard);

  Trajectories done;  ///< in order of completion

 private:
  BatchShape shape_;
  std::int32_t horizon_;
  std::int32_t history_width_;
  // Under way: [row, step] for what happens at a step, [row] for the rest.
  std::vector<ItemId> items_, history_;
  std::vector<std::uint8_t> feedback_;
  std::vector<float> probability_, log_prob_, reals_, modifiers_, start_modifiers_;
  std::vector<double> returned_;
  std::vector<std::int32_t> history_size_;
};

}  // namespace veer

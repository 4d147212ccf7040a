#include "scenarios/fusion/fusion_weights.h"

#include <string>

#include "env/error.h"
#include "simulators/fusion/fusion_world.h"

namespace veer {
namespace {

void check_weight(const Shard& shard, std::int32_t row, std::size_t task) {
  const float weight = shard.reals.row(row)[task];
  if (weight >= -1.0F && weight <= 1.0F) return;
  const std::int64_t lane = std::int64_t{shard.index} * shard.rows() + row;
  throw ConfigError(
      {{},
       0,
       "fusion weights of lane " + std::to_string(lane) + " (episode " + std::to_string(shard.episode(row)) +
           ", step " + std::to_string(shard.step(row)) + "), " + std::string(fusion_task_names[task])},
      {std::to_string(weight), "-1 to 1", "the policy breaks its contract"});
}

}  // namespace

void check_fusion_weights(const Shard& shard, std::int32_t row) {
  const std::size_t tasks = shard.reals.row(row).size();
  for (std::size_t task = 0; task < tasks; ++task) check_weight(shard, row, task);
}

}  // namespace veer

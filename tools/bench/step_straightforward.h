// The straightforward way of stepping a guidance world. Torch-free header. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "env/batch.h"
#include "env/nn/sequence_model.h"
#include "env/scenario.h"

namespace veer::bench {

class StraightforwardEpisodes {
 public:
  /// Row r starts with episode r, as the engine's rows do. `policy` null: items are given to step().
  StraightforwardEpisodes(const Scenario& world, const nn::SequenceModel& users,
                          const nn::SequenceModel* policy, std::int32_t rows, std::uint64_t seed);

  /// One step of every row. Without a policy, `given` holds the item of every row.
  void step(std::span<const ItemId> given = {});

  // What the last step did, [rows].
  std::vector<EpisodeId> episode;
  std::vector<std::uint32_t> taken;  ///< number of the step within its episode
  std::vector<ItemId> items;
  std::vector<std::uint8_t> feedback;
  std::vector<float> probability;

 private:
  struct Row {
    EpisodeId episode = 0;
    std::uint32_t step = 0;
    ItemId target = no_item;
    float patience = 0.0F;
    std::vector<ItemId> history;
    std::vector<ItemId> refused;  ///< in this episode; the policy does not offer them again
  };
  void begin(Row& row);
  void answer(Row& row, std::size_t index);

  const Scenario& world_;
  const nn::SequenceModel& users_;
  const nn::SequenceModel* policy_;
  std::uint64_t seed_;
  Batch scratch_;  ///< one row of it, for Scenario::begin_episode
  std::vector<Row> rows_;
};

}  // namespace veer::bench

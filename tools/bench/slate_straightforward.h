// The straightforward way of stepping people who are shown slates: every row by itself, the response model
// place by place as it is defined, in plain loops. Not thread-safe, but for step(), which spreads its rows.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "env/random.h"
#include "scenarios/slate/slate.h"
#include "simulators/response/response_model.h"

namespace veer::bench {

/// The slate of RandomSlates for this step: distinct items 1..items.
std::vector<ItemId> random_slate(const StepKey& key, std::int32_t items, std::int32_t slots);

class StraightforwardSlates {
 public:
  /// Row r starts with episode r, as the engine's rows do. REQUIRES: a world of soft answers without slate
  /// effects.
  StraightforwardSlates(const SlateScenario& world, std::shared_ptr<const ResponseModel> model, float dropout,
                        std::int32_t rows, std::uint64_t seed);

  /// Shows every row a random slate, the engine's own for the same episode and step.
  void step();
  /// Shows row r the items slates[r * slots ..].
  void show(std::span<const ItemId> slates);

  std::span<const ItemId> history(std::int32_t row) const { return rows_[at(row)].history; }
  StepKey key(std::int32_t row) const { return {seed_, rows_[at(row)].episode, rows_[at(row)].step}; }

  std::vector<float> probability;  ///< [rows, slots] of the last step

 private:
  struct Row {
    EpisodeId episode = 0;
    std::uint32_t step = 0;
    UserId user = 0;
    float patience = 0.0F;
    std::vector<ItemId> history;
  };
  void begin(Row& row) const;
  std::vector<ItemId> random_slate(const Row& row) const;
  void step_row(Row& row, std::span<const ItemId> slate, std::span<float> out) const;
  std::vector<float> scores(const Row& row, std::span<const ItemId> items) const;

  const SlateScenario& world_;
  std::shared_ptr<const ResponseModel> model_;
  float dropout_;
  std::uint64_t seed_;
  std::vector<Row> rows_;
};

}  // namespace veer::bench

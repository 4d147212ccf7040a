// User models that say what a person takes next of their own accord.
//
// The contract of env/user_model.h answers what people do with what they are shown. Rolling a population
// forward without a recommender needs the other half: a draw from the model's own distribution of next items.
// Models that have one implement this beside UserModel; for the others long_run/roll.h falls back on
// proposals and acceptance. Thread-safety and determinism as in env/user_model.h. Torch-free.
#pragma once

#include <span>

#include "env/batch.h"
#include "env/types.h"
#include "env/workspace.h"

namespace veer {

class NextItemChooser {
 public:
  virtual ~NextItemChooser() = default;

  /// out[i] is drawn for rows[i] from the model's distribution over items 1..N under the row's present state,
  /// without excluded items. `excluded` has one row per entry of `rows`; no_item entries are skipped, an
  /// empty view excludes nothing. uniforms[i] in [0, 1) is inverted in item order, so that equal uniforms
  /// make equal draws. no_item where everything is excluded. State and history stay as they are.
  virtual void draw_next(Rows rows, const Shard& shard, Workspace& workspace, View<const ItemId> excluded,
                         std::span<const float> uniforms, std::span<ItemId> out) const = 0;
};

/// One item in proportion to exp(scores[i]), where scores[i] belongs to item i + 1 and -infinity stands for
/// an item that cannot be drawn. Sums run in item order, in double. `scores` is used as scratch. no_item when
/// nothing can be drawn. REQUIRES: no NaN, no +infinity, 0 <= uniform < 1.
ItemId draw_in_proportion(std::span<float> scores, float uniform) noexcept;

}  // namespace veer

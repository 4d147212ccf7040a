// User models whose step is made of mechanisms one can name: acceptance moved the taste, boredom grew, time
// passed.
//
// The contract of env/user_model.h moves a person in one go. Models that can say which mechanism did what
// implement this beside UserModel; explanation.h turns it into a split of every step. Models whose step
// encodes the history anew (SASRec, GRU4Rec) name no mechanisms. Thread-safety and determinism as in
// env/user_model.h. Torch-free.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "env/batch.h"

namespace veer {

class NamesMechanisms {
 public:
  /// Called when a mechanism has acted, by its place in mechanisms(); must not throw.
  using Acted = std::function<void(std::size_t mechanism)>;

  virtual ~NamesMechanisms() = default;

  /// Those that are on, in the order in which they act on a step that shows one item.
  virtual std::span<const std::string> mechanisms() const noexcept = 0;

  /// UserModel::advance() of one row, told as it happens: calls `acted` each time a mechanism has changed
  /// what it changes, when the row's state is that of this moment. Runs the code of advance(), so the row
  /// ends with the very bits of it. A mechanism that has nothing to do in this step need not be told.
  /// REQUIRES: the row shows one item.
  virtual void advance_told(std::int32_t row, Shard& shard, const Acted& acted) const = 0;
};

}  // namespace veer

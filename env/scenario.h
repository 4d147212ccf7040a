// The contract of worlds: which people, which user model, which rewards, which rules.
//
// Thread-safety: immutable, shared by all workers. Its versioned id changes whenever its dynamics change.
#pragma once

#include <span>

#include "env/batch.h"
#include "env/reward.h"
#include "env/spec.h"
#include "env/user_model.h"

namespace veer {

class Scenario {
 public:
  virtual ~Scenario() = default;

  virtual const EnvSpec& spec() const noexcept = 0;
  virtual const UserModel& users() const noexcept = 0;
  virtual std::span<const RewardTerm> rewards() const noexcept = 0;

  /// Sets user, target, history, history_size, features, patience and modifiers of a row whose episode id
  /// already stands in the shard. A function of shard.key(row) alone (Stream::begin_episode). REQUIRES:
  /// step(row) == 0.
  virtual void begin_episode(std::int32_t row, Shard&) const = 0;

  /// Turns the action into what people see, where that is not the action itself: a fusion world ranks items
  /// by the weights in `reals` and fills `items`. Runs after the policy acted.
  virtual void present(Rows, Shard&) const {}

  /// Rules between the answer and its consequences (patience, new features, scheduled modifiers). Runs after
  /// feedback stands in the columns and before the history grows. The only place besides begin_episode that
  /// may change modifiers: what stands there afterwards holds for the consequences of this step and for the
  /// answer to the next. Judges score paths under the same values (PathQuery::modifiers), so they measure the
  /// world as modified, as far as they read these knobs; runs read back from disk were judged when they were
  /// played.
  virtual void settle(Rows, Shard&) const {}

  /// Whether the row's episode is over after this step, the horizon aside. Runs last; sees all columns.
  virtual EndReason end_of(std::int32_t row, const Shard&) const = 0;
};

}  // namespace veer

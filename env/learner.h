// The contract of learning: transitions in, policy snapshots out.
//
// Not thread-safe: one thread drives a learner. Its snapshots may act on other threads while it updates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "env/named_arrays.h"
#include "env/policy.h"
#include "env/types.h"

namespace veer {

/// One batch of transitions (structure of arrays). `next_history` is the observation after the step; for the
/// last step of an episode it is the final observation, never the next episode's first.
struct Transitions {
  std::int32_t count = 0;
  std::int32_t history_width = 0, slots = 0, reals = 0, features = 0, reward_terms = 0, policy_state = 0;
  std::vector<EpisodeId> episode;
  std::vector<std::uint32_t> step;
  std::vector<UserId> user;
  std::vector<ItemId> target;
  std::vector<ItemId> history, next_history;  ///< [count, history_width]
  std::vector<std::int32_t> history_size, next_history_size;
  std::vector<float> observed, next_observed;  ///< [count, features]
  std::vector<ItemId> items;                   ///< [count, slots]
  std::vector<float> action_reals;             ///< [count, reals]
  std::vector<std::uint8_t> feedback;          ///< [count, slots]
  std::vector<float> log_prob;                 ///< of the action under the policy that took it
  std::vector<float> memory;  ///< [count, policy_state] what the policy kept about the row once it had chosen
  std::vector<float> reward;
  std::vector<float> terms;    ///< [count, reward_terms]
  std::vector<EndReason> end;  ///< terminated zeroes the bootstrap, truncated does not

  void resize(std::int32_t count, const BatchShape& shape);
  /// The same widths, other transitions.
  void resize(std::int32_t count, const Transitions& like);
  /// Transition `to` becomes a copy of `source`'s transition `from`. REQUIRES: equal widths.
  void copy_from(const Transitions& source, std::int64_t from, std::int64_t to) noexcept;
  /// Visits every column by name, in a fixed order: checkpoints save and restore through this.
  void for_each_column(const std::function<void(std::string_view name, std::span<std::byte>)>& visit);
};

/// Where transitions come from: a rollout, a replay buffer, a log.
class TransitionSource {
 public:
  virtual ~TransitionSource() = default;
  virtual std::int64_t size() const noexcept = 0;
  /// Copies the transitions with these indices, in this order. REQUIRES: 0 <= index < size().
  virtual void gather(std::span<const std::int64_t> indices, Transitions& out) const = 0;
};

/// Named figures of one update ("loss", "entropy"), for progress lines and metrics files.
using UpdateStats = std::map<std::string, double>;

class Learner {
 public:
  virtual ~Learner() = default;
  virtual UpdateStats update(const TransitionSource&) = 0;
  /// An immutable copy of the current policy; later updates do not change it.
  virtual std::shared_ptr<const Policy> snapshot() const = 0;
  /// Everything that update() depends on: parameters, optimiser, counters, cursors. load(save()) continues to
  /// the same bytes.
  virtual void save(NamedArrays&) const = 0;
  virtual void load(const NamedArrays&) = 0;
};

}  // namespace veer

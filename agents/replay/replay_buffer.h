// What an agent that learns from its own steps remembers: the newest transitions, in a ring, and batches
// drawn from them.
//
// Not thread-safe: the learner's thread adds and draws. Ownership: owns every column; memory is fixed once
// the first transition is in. Determinism: draws are Philox of (seed, update), Stream::shuffle.
#pragma once

#include <cstdint>

#include "env/learner.h"
#include "env/named_arrays.h"

namespace veer {

class ReplayBuffer : public TransitionSource {
 public:
  /// Throws ConfigError unless 1 <= capacity < 2^31.
  explicit ReplayBuffer(std::int64_t capacity);

  /// Adds all transitions in their order; the oldest ones give way. Each keeps its own person's next state,
  /// whatever began in that row afterwards. Throws ConfigError when widths differ from those before.
  void add(const Transitions& fresh);

  std::int64_t capacity() const noexcept { return capacity_; }
  std::int64_t size() const noexcept override { return data_.count == 0 ? 0 : held_; }
  std::int64_t added() const noexcept { return added_; }  ///< in all its life
  void gather(std::span<const std::int64_t> indices, Transitions& out) const override;

  /// Contents and cursor; load() continues to the same bytes. load() throws FormatError when the arrays are
  /// those of a buffer of another capacity.
  void save(NamedArrays& out) const;
  void load(const NamedArrays& in);

 private:
  std::int64_t capacity_;
  std::int64_t held_ = 0;
  std::int64_t added_ = 0;    ///< the next one goes to added_ % capacity_
  mutable Transitions data_;  // for_each_column() is not const
};

/// `count` transitions of `source`, drawn independently and uniformly (with replacement): a function of seed,
/// update and the source's contents. REQUIRES: source.size() > 0.
void draw_batch(const TransitionSource& source, std::uint64_t seed, std::int64_t update, std::int32_t count,
                Transitions& out);

}  // namespace veer

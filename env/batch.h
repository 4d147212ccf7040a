// The columns of many episodes (structure of arrays) and the shard, the unit every worker gets.
//
// Thread-safety: a Shard's rows belong to one worker at a time; shards of 64 rows or a multiple never share
// a cache line.
// Ownership: Batch owns all memory; Shard and Observation are views that die with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <string_view>

#include "env/random.h"
#include "env/types.h"

namespace veer {

/// Sizes of every column; a function of the specs of scenario, user model and policy.
struct BatchShape {
  std::int32_t rows = 0;          ///< episodes in flight
  std::int32_t shard_rows = 128;  ///< rows per shard; the last shard is padded with inactive rows
  std::int32_t history_capacity = 0;
  std::int32_t slots = 1;
  std::int32_t reals = 0;
  std::int32_t features = 0;
  std::int32_t user_state = 0;
  std::int32_t policy_state = 0;
  std::int32_t plan = 0;  ///< longest plan of a path policy; 0 for other policies
  std::int32_t modifiers = 0;
  std::int32_t reward_terms = 0;

  friend bool operator==(const BatchShape&, const BatchShape&) = default;
};

/// rows x width values, row-major, zero-filled, 64-byte aligned.
template <class T>
class Column {
 public:
  Column() = default;
  Column(std::int32_t rows, std::int32_t width) : rows_(rows), width_(width), data_(allocate(rows, width)) {}

  View<T> view(std::int32_t first, std::int32_t count) noexcept {
    return {data_.get() + static_cast<std::ptrdiff_t>(first) * width_, count, width_};
  }
  std::span<std::byte> bytes() noexcept {
    return {reinterpret_cast<std::byte*>(data_.get()),
            sizeof(T) * static_cast<std::size_t>(rows_) * static_cast<std::size_t>(width_)};
  }

 private:
  struct Free {
    void operator()(T* p) const noexcept { ::operator delete (p, std::align_val_t{64}); }
  };
  static T* allocate(std::int32_t rows, std::int32_t width) {
    const std::size_t size = sizeof(T) * static_cast<std::size_t>(rows) * static_cast<std::size_t>(width);
    void* memory = ::operator new (size == 0 ? 64 : size, std::align_val_t{64});
    std::memset(memory, 0, size);
    return static_cast<T*>(memory);
  }

  std::int32_t rows_ = 0;
  std::int32_t width_ = 0;
  std::unique_ptr<T, Free> data_;
};

/// Everything about `rows()` consecutive rows. Row indices are local: 0..rows()-1.
/// Widths are those of the BatchShape; a width of 0 makes an empty view.
struct Shard {
  std::int32_t index = 0;  ///< position of the shard in its batch
  std::uint64_t seed = 0;

  View<EpisodeId> episode;
  View<std::uint32_t> step;   ///< steps already taken in this episode
  View<std::uint8_t> active;  ///< 0: padding, or no episode left for this row
  View<UserId> user;
  View<ItemId> target;   ///< no_item when the world has no target
  View<ItemId> history;  ///< oldest first, right-padded with no_item
  View<std::int32_t> history_size;
  View<float> features;
  View<float> patience;   ///< refusals the user still bears; the scenario's rule
  View<float> modifiers;  ///< run-time knobs, in the order of EnvSpec::modifiers

  View<ItemId> items;           ///< what this step shows, one per slot
  View<float> reals;            ///< what this step sets (vector actions)
  View<float> log_prob;         ///< log-probability or density of the action under the policy
  View<std::uint8_t> feedback;  ///< answer per slot, see veer::feedback
  View<float> probability;      ///< acceptance probability per slot under the user model
  View<ItemId> last_item;       ///< newest history item before this step's answer

  View<float> interest;     ///< log p(target) of the user model after this step
  View<std::int32_t> rank;  ///< rank of the target, 1 = best
  View<float> interest_before;
  View<std::int32_t> rank_before;
  View<float> reward_terms;
  View<float> reward;  ///< weighted sum of the terms
  View<EndReason> end;

  View<float> user_state;
  View<float> policy_state;
  View<ItemId> plan;  ///< items of a path policy not yet shown, from plan_next on
  View<std::int32_t> plan_size;
  View<std::int32_t> plan_next;

  std::int32_t rows() const noexcept { return episode.rows(); }
  StepKey key(std::int32_t row) const noexcept { return {seed, episode(row), step(row)}; }
};

/// Appends to the history of a row; when full, the oldest item slides out.
void append_history(Shard& shard, std::int32_t row, ItemId item) noexcept;

/// Copies every column of row `from[i]` to row `to[i]`, in order; `from` need not be distinct. For the
/// private batches of planners. REQUIRES: equal sizes; no row is both read and written.
void copy_rows(Shard& shard, Rows from, Rows to) noexcept;

class Batch {
 public:
  Batch(const BatchShape& shape, std::uint64_t seed);
  ~Batch();
  Batch(Batch&&) noexcept;
  Batch& operator=(Batch&&) noexcept;

  const BatchShape& shape() const noexcept { return shape_; }
  std::int32_t shards() const noexcept { return shards_; }
  /// Rows including the padding of the last shard.
  std::int32_t padded_rows() const noexcept { return shards_ * shape_.shard_rows; }
  Shard shard(std::int32_t index) noexcept;

  /// Visits every column by name, in a fixed order: checkpoints save and restore through this.
  void for_each_column(const std::function<void(std::string_view name, std::span<std::byte>)>& visit);

 private:
  struct Columns;
  BatchShape shape_;
  std::uint64_t seed_ = 0;
  std::int32_t shards_ = 0;
  std::unique_ptr<Columns> columns_;
};

}  // namespace veer

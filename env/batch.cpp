#include "env/batch.h"

#include <algorithm>
#include <cassert>

namespace veer {

// One line per column keeps sizes, shard views and checkpoints in step: a column that is missing here does
// not exist.
#define VEER_COLUMNS(X)                              \
  X(EpisodeId, episode, 1)                           \
  X(std::uint32_t, step, 1)                          \
  X(std::uint8_t, active, 1)                         \
  X(UserId, user, 1)                                 \
  X(ItemId, target, 1)                               \
  X(ItemId, history, shape.history_capacity)         \
  X(std::int32_t, history_size, 1)                   \
  X(float, features, shape.features)                 \
  X(float, patience, 1)                              \
  X(float, modifiers, shape.modifiers)               \
  X(ItemId, items, shape.slots)                      \
  X(float, reals, shape.reals)                       \
  X(float, log_prob, 1)                              \
  X(std::uint8_t, feedback, shape.slots)             \
  X(float, probability, shape.slots)                 \
  X(ItemId, last_item, 1)                            \
  X(float, interest, 1)                              \
  X(std::int32_t, rank, 1)                           \
  X(float, interest_before, 1)                       \
  X(std::int32_t, rank_before, 1)                    \
  X(float, reward_terms, shape.reward_terms)         \
  X(float, reward, 1)                                \
  X(EndReason, end, 1)                               \
  X(float, user_state, shape.user_state)             \
  X(float, policy_state, shape.policy_state)         \
  X(ItemId, plan, shape.plan)                        \
  X(std::int32_t, plan_size, shape.plan > 0 ? 1 : 0) \
  X(std::int32_t, plan_next, shape.plan > 0 ? 1 : 0)

struct Batch::Columns {
  Columns(const BatchShape& shape, std::int32_t rows)
#define X(type, name, width) name(rows, width),
      : VEER_COLUMNS(X) end_of_list(0) {
  }
#undef X
#define X(type, name, width) Column<type> name;
  VEER_COLUMNS(X)
#undef X
  int end_of_list;
};

Batch::Batch(const BatchShape& shape, std::uint64_t seed)
    : shape_(shape),
      seed_(seed),
      shards_((shape.rows + shape.shard_rows - 1) / shape.shard_rows),
      columns_(std::make_unique<Columns>(shape, shards_ * shape.shard_rows)) {
  assert(shape.rows > 0 && shape.shard_rows > 0);
}

Batch::~Batch() = default;
Batch::Batch(Batch&&) noexcept = default;
Batch& Batch::operator=(Batch&&) noexcept = default;

Shard Batch::shard(std::int32_t index) noexcept {
  const std::int32_t first = index * shape_.shard_rows;
  const std::int32_t count = shape_.shard_rows;
  Shard shard;
  shard.index = index;
  shard.seed = seed_;
#define X(type, name, width) shard.name = columns_->name.view(first, count);
  VEER_COLUMNS(X)
#undef X
  return shard;
}

void Batch::for_each_column(const std::function<void(std::string_view, std::span<std::byte>)>& visit) {
#define X(type, name, width) visit(#name, columns_->name.bytes());
  VEER_COLUMNS(X)
#undef X
}

void copy_rows(Shard& shard, Rows from, Rows to) noexcept {
  assert(from.size() == to.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
#define X(type, name, width) std::ranges::copy(shard.name.row(from[i]), shard.name.row(to[i]).begin());
    VEER_COLUMNS(X)
#undef X
  }
}

void append_history(Shard& shard, std::int32_t row, ItemId item) noexcept {
  const std::span<ItemId> history = shard.history.row(row);
  std::int32_t& size = shard.history_size(row);
  if (history.empty()) return;
  if (size == static_cast<std::int32_t>(history.size())) {
    std::shift_left(history.begin(), history.end(), 1);
    --size;
  }
  history[static_cast<std::size_t>(size++)] = item;
}

}  // namespace veer

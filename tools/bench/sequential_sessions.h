// Made-up sessions of clicks and purchases for the benchmark of next-item training: a flat log, and batches
// of its events. Torch-free; read-only after construction.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/nn/state_encoders/state_batch.h"
#include "env/types.h"

namespace veer::bench {

/// Sessions of 1 to 40 items, about 6 on average, a few items far more often than most.
class Sessions {
 public:
  Sessions(std::int32_t items, std::int32_t sessions, std::uint64_t seed);

  std::int64_t events() const noexcept { return static_cast<std::int64_t>(items_.size()); }
  /// The items before event `event` of its session, oldest first.
  std::span<const ItemId> history(std::int64_t event) const noexcept;
  ItemId item(std::int64_t event) const noexcept { return items_[at(event)]; }
  bool bought(std::int64_t event) const noexcept { return bought_[at(event)] != 0; }
  bool last_of_session(std::int64_t event) const noexcept;
  /// What the log takes per event.
  double bytes_per_event() const noexcept;

 private:
  std::vector<ItemId> items_;         ///< [events]
  std::vector<std::uint8_t> bought_;  ///< [events]
  std::vector<std::int32_t> place_;   ///< [events] place in its session, from 0
};

/// A batch of events as agents train on them.
struct EventBatch {
  std::vector<std::int64_t> events;
  nn::StateBatch state{10};
  nn::StateBatch next_state{10};
  std::vector<ItemId> action;
  std::vector<float> reward;  ///< 1 for a purchase, 0.2 for a click
  std::vector<float> done;    ///< 1 for the last event of a session

  std::int32_t rows() const noexcept { return static_cast<std::int32_t>(events.size()); }
};

/// Draws `rows` events and gathers their windows; `step` names the batch.
void draw_batch(const Sessions& sessions, std::int32_t rows, std::uint64_t seed, std::uint32_t step,
                EventBatch& batch);

}  // namespace veer::bench

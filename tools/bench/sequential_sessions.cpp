#include "tools/bench/sequential_sessions.h"

#include <algorithm>

#include "env/random.h"

namespace veer::bench {

Sessions::Sessions(std::int32_t items, std::int32_t sessions, std::uint64_t seed) {
  for (std::int32_t s = 0; s < sessions; ++s) {
    const StepKey key{seed, at(s), 0};
    std::uint32_t lane = 0;
    std::int32_t place = 0;
    do {
      const float u = uniform(key, Stream::generate, lane++);
      const auto item = static_cast<std::int32_t>(static_cast<float>(items) * u * u * u);
      items_.push_back(1 + std::min(item, items - 1));
      bought_.push_back(uniform(key, Stream::generate, lane++) < 0.05F ? 1 : 0);
      place_.push_back(place++);
    } while (place < 40 && uniform(key, Stream::generate, lane++) < 0.83F);
  }
}

std::span<const ItemId> Sessions::history(std::int64_t event) const noexcept {
  const std::int64_t begin = event - place_[at(event)];
  return std::span(items_).subspan(at(begin), at(place_[at(event)]));
}

bool Sessions::last_of_session(std::int64_t event) const noexcept {
  return event + 1 == events() || place_[at(event + 1)] == 0;
}

double Sessions::bytes_per_event() const noexcept {
  return sizeof(ItemId) + sizeof(std::uint8_t) + sizeof(std::int32_t);
}

void draw_batch(const Sessions& sessions, std::int32_t rows, std::uint64_t seed, std::uint32_t step,
                EventBatch& batch) {
  batch.state.resize(rows);
  batch.next_state.resize(rows);
  batch.events.resize(at(rows));
  batch.action.resize(at(rows));
  batch.reward.resize(at(rows));
  batch.done.resize(at(rows));
  for (std::int32_t r = 0; r < rows; ++r) {
    const std::int64_t event = uniform_below(static_cast<std::uint32_t>(sessions.events()), {seed, 0, step},
                                             Stream::shuffle, static_cast<std::uint32_t>(r));
    const std::span<const ItemId> history = sessions.history(event);
    batch.events[at(r)] = event;
    batch.state.set(r, history);
    batch.next_state.set(r, {history.data(), history.size() + 1});  // the log goes on with the action
    batch.action[at(r)] = sessions.item(event);
    batch.reward[at(r)] = sessions.bought(event) ? 1.0F : 0.2F;
    batch.done[at(r)] = sessions.last_of_session(event) ? 1.0F : 0.0F;
  }
}

}  // namespace veer::bench

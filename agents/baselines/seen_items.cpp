#include "agents/baselines/seen_items.h"

#include <algorithm>

#include "env/error.h"

namespace veer {

void check_sizes(const std::string& policy, std::int32_t items, std::int32_t horizon) {
  if (items < 1 || items > max_items_in_state) {
    throw ConfigError("policy " + policy + ": found a catalogue of " + std::to_string(items) +
                      " items; expected 1 to " + std::to_string(max_items_in_state));
  }
  if (horizon < 1) {
    throw ConfigError("policy " + policy + ": found a horizon of " + std::to_string(horizon) +
                      " steps; expected at least 1");
  }
}

void SeenItems::clear() noexcept {
  for (const ItemId item : items_) marks_[static_cast<std::size_t>(item)] = 0;
  items_.clear();
}

void SeenItems::add(ItemId item) {
  if (item <= 0 || static_cast<std::size_t>(item) >= marks_.size() || contains(item)) return;
  marks_[static_cast<std::size_t>(item)] = 1;
  items_.push_back(item);
}

void SeenItems::remove(ItemId item) noexcept {
  if (item <= 0 || static_cast<std::size_t>(item) >= marks_.size() || !contains(item)) return;
  marks_[static_cast<std::size_t>(item)] = 0;
  std::erase(items_, item);
}

ItemId SeenItems::nth_outside(std::int32_t n, std::vector<ItemId>& sorted) const {
  ItemId item = n;
  sorted.assign(items_.begin(), items_.end());
  std::ranges::sort(sorted);
  for (const ItemId skipped : sorted) {
    if (skipped > item) break;
    ++item;
  }
  return item;
}

void SeenItems::collect(std::int32_t row, const Observation& seen, const PolicyState& state) {
  clear();
  for (std::int32_t k = 0; k < seen.history_size(row); ++k) add(seen.history(row, k));
  const auto shown = std::min(static_cast<std::int32_t>(seen.step(row)), state.values.width());
  for (std::int32_t k = 0; k < shown; ++k) add(static_cast<ItemId>(state.values(row, k)));
}

}  // namespace veer

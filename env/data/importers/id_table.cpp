#include "env/data/importers/id_table.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <utility>

#include "env/error.h"

namespace veer::importers {
namespace {

constexpr std::size_t text_block = std::size_t{1} << 16;

std::uint32_t hash_of(std::string_view id) noexcept {
  const std::size_t hash = std::hash<std::string_view>()(id);
  return static_cast<std::uint32_t>(hash ^ hash >> 32);
}

/// A decimal number without sign and leading zeros. Such texts order by length, then by bytes.
bool is_plain_number(std::string_view text) noexcept {
  return !text.empty() && (text.size() == 1 || text[0] != '0') &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Orders most texts without a look at them. Numbers: the value, or the largest for very large ones; others:
/// the first eight bytes.
std::uint64_t sort_key(std::string_view text, bool number) noexcept {
  std::uint64_t key = 0;
  if (number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), key);
    return error == std::errc() ? key : std::numeric_limits<std::uint64_t>::max();
  }
  for (std::size_t i = 0; i < sizeof(key); ++i) {
    key = key << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0U);
  }
  return key;
}

}  // namespace

std::size_t IdTable::slot_of(std::string_view id, std::uint32_t hash) const noexcept {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].index >= 0 && (slots_[at].hash != hash || text(slots_[at].index) != id)) {
    at = (at + 1) & mask;
  }
  return at;
}

std::string_view IdTable::keep(std::string_view id) {
  if (id.empty()) return {};
  if (free_ < id.size()) {
    free_ = std::max(text_block, id.size());
    blocks_.push_back(std::make_unique<char[]>(free_));
  }
  // Texts fill a block from its end to its front, so that free_ is all there is to remember.
  free_ -= id.size();
  char* bytes = blocks_.back().get() + free_;
  std::memcpy(bytes, id.data(), id.size());
  return {bytes, id.size()};
}

void IdTable::grow() {
  const std::vector<Slot> old =
      std::exchange(slots_, std::vector<Slot>(std::max<std::size_t>(16, 2 * slots_.size())));
  const std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.index < 0) continue;
    std::size_t at = slot.hash & mask;
    while (slots_[at].index >= 0) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

std::int32_t IdTable::add(std::string_view id) {
  if (2 * (texts_.size() + 1) > slots_.size()) grow();
  const std::uint32_t hash = hash_of(id);
  Slot& slot = slots_[slot_of(id, hash)];
  if (slot.index >= 0) return slot.index;
  if (texts_.size() >= static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max() - 1)) {
    throw DataError("found more than 2147483646 distinct ids; expected fewer; take a part of the data");
  }
  texts_.push_back(keep(id));
  slot = {hash, size() - 1};
  return slot.index;
}

std::int32_t IdTable::find(std::string_view id) const noexcept {
  return slots_.empty() ? -1 : slots_[slot_of(id, hash_of(id))].index;
}

std::vector<std::int32_t> IdTable::in_order(const std::vector<std::int64_t>& uses) const {
  struct Entry {
    std::uint64_t key;
    std::int32_t index;
  };
  bool numbers = true;
  std::vector<Entry> entries;
  for (std::int32_t id = 0; id < size(); ++id) {
    if (uses[static_cast<std::size_t>(id)] <= 0) continue;
    entries.push_back({0, id});
    numbers = numbers && is_plain_number(text(id));
  }
  for (Entry& entry : entries) entry.key = sort_key(text(entry.index), numbers);
  std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
    if (a.key != b.key) return a.key < b.key;
    const std::string_view x = text(a.index);
    const std::string_view y = text(b.index);
    return numbers && x.size() != y.size() ? x.size() < y.size() : x < y;
  });
  std::vector<std::int32_t> order;
  order.reserve(entries.size());
  for (const Entry& entry : entries) order.push_back(entry.index);
  return order;
}

}  // namespace veer::importers

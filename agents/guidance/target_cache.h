// Tables that belong to a target (distances of all items to it), kept for the targets used last.
//
// Thread-safety: any number of workers may ask at once. Two that miss the same key at the same time both
// compute it; since a table is a function of its key, results do not depend on who was first or on what was
// dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace veer {

/// Least recently used entries go first once the sum of the entries' bytes exceeds the bound; the newest
/// entry always stays.
template <class Key, class Value>
class BoundedCache {
 public:
  explicit BoundedCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// The value of `key`, from `make()` when it is not there. `size(value)` is its size in bytes.
  template <class Make, class Size>
  std::shared_ptr<const Value> get(const Key& key, Make&& make, Size&& size) {
    if (auto found = find(key)) return found;
    auto made = std::make_shared<const Value>(make());
    insert(key, made, size(*made));
    return made;
  }

  std::size_t bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  struct Entry {
    std::shared_ptr<const Value> value;
    std::size_t bytes = 0;
    typename std::list<Key>::iterator place;
  };

  std::shared_ptr<const Value> find(const Key& key) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return nullptr;
    used_.splice(used_.begin(), used_, found->second.place);
    return found->second.value;
  }

  void insert(const Key& key, std::shared_ptr<const Value> value, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (entries_.contains(key)) return;  // another worker was faster
    used_.push_front(key);
    entries_.emplace(key, Entry{std::move(value), bytes, used_.begin()});
    bytes_ += bytes;
    while (bytes_ > max_bytes_ && used_.size() > 1) {
      const auto oldest = entries_.find(used_.back());
      bytes_ -= oldest->second.bytes;
      entries_.erase(oldest);
      used_.pop_back();
    }
  }

  mutable std::mutex mutex_;
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::list<Key> used_;  ///< most recently used first
  std::map<Key, Entry> entries_;
};

}  // namespace veer

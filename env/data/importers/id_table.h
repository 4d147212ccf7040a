// Numbers for the ids of a source. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace veer::importers {

/// Numbers distinct texts 0, 1, 2, ... in order of first appearance. About 32 bytes and the text for each:
/// logs have millions of them.
class IdTable {
 public:
  std::int32_t add(std::string_view id);                  ///< throws DataError beyond 2^31 - 2 texts
  std::int32_t find(std::string_view id) const noexcept;  ///< -1: not there
  /// Valid as long as the table, which may be moved.
  std::string_view text(std::int32_t index) const noexcept { return texts_[static_cast<std::size_t>(index)]; }
  std::int32_t size() const noexcept { return static_cast<std::int32_t>(texts_.size()); }

  /// The indices with uses[index] > 0, ascending by value when the texts of all of them are decimal numbers
  /// without leading zeros, by bytes otherwise.
  std::vector<std::int32_t> in_order(const std::vector<std::int64_t>& uses) const;

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::int32_t index = -1;  ///< -1: free
  };
  std::size_t slot_of(std::string_view id, std::uint32_t hash) const noexcept;
  std::string_view keep(std::string_view id);
  void grow();

  std::vector<Slot> slots_;  ///< open addressing; a power of two, at most half full
  std::vector<std::string_view> texts_;
  std::vector<std::unique_ptr<char[]>> blocks_;  ///< the bytes of the texts; they never move
  std::size_t free_ = 0;                         ///< bytes left in the last block
};

}  // namespace veer::importers

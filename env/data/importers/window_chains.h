// People's sequences from windows cut out of them. Thread-safety: pure function.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace veer::importers {

/// A stretch of one person's sequence.
struct Window {
  std::vector<std::int32_t> items;
  std::size_t history = 0;  ///< of which the first: what came before the stretch the window was cut for
};

/// Joins the windows of one person, in any order, to as few sequences as their overlap tells. Window b can
/// follow window a where the last items of a are the first of b's history; the longest such overlap counts,
/// and a whole window never is one. Overlaps are taken longest first (ties: by the place of a, then of b), as
/// long as both ends are free and no ring closes. Windows that nothing joins begin a sequence of their own.
/// Sequences stand in the order of their first windows in the file. Exact where nobody meets an item twice
/// and no window is missing in between.
std::vector<std::vector<std::int32_t>> join_windows(std::span<const Window> windows);

}  // namespace veer::importers

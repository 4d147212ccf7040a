#include "env/data/importers/window_chains.h"

#include <algorithm>
#include <tuple>

namespace veer::importers {
namespace {

struct Join {
  std::size_t overlap;
  std::size_t from;
  std::size_t to;
};

/// Items that `next` may share with the end of `window`; 0: none.
std::size_t overlap_of(const Window& window, const Window& next) {
  const auto& a = window.items;
  const auto& b = next.items;
  for (std::size_t size = std::min({next.history, a.size() - 1, b.size() - 1}); size > 0; --size) {
    if (std::equal(a.end() - static_cast<std::ptrdiff_t>(size), a.end(), b.begin())) return size;
  }
  return 0;
}

}  // namespace

std::vector<std::vector<std::int32_t>> join_windows(std::span<const Window> windows) {
  std::vector<Join> joins;
  for (std::size_t from = 0; from < windows.size(); ++from) {
    for (std::size_t to = 0; to < windows.size(); ++to) {
      const std::size_t overlap = from == to ? 0 : overlap_of(windows[from], windows[to]);
      if (overlap > 0) joins.push_back({overlap, from, to});
    }
  }
  std::sort(joins.begin(), joins.end(), [](const Join& a, const Join& b) {
    return std::tuple(b.overlap, a.from, a.to) < std::tuple(a.overlap, b.from, b.to);
  });

  const std::size_t none = windows.size();
  std::vector<std::size_t> next(windows.size(), none);
  std::vector<std::size_t> shared(windows.size());  // with the window before
  std::vector<std::size_t> head(windows.size());    // first window of the chain, kept for its last window
  std::vector<std::uint8_t> follows(windows.size());
  for (std::size_t window = 0; window < windows.size(); ++window) head[window] = window;
  for (const Join& join : joins) {
    if (next[join.from] != none || follows[join.to] != 0 || head[join.from] == join.to) continue;
    next[join.from] = join.to;
    follows[join.to] = 1;
    shared[join.to] = join.overlap;
    std::size_t last = join.to;
    while (next[last] != none) last = next[last];
    head[last] = head[join.from];
  }

  std::vector<std::vector<std::int32_t>> sequences;
  for (std::size_t first = 0; first < windows.size(); ++first) {
    if (follows[first] != 0) continue;
    std::vector<std::int32_t>& sequence = sequences.emplace_back();
    for (std::size_t window = first; window != none; window = next[window]) {
      const auto& items = windows[window].items;
      sequence.insert(sequence.end(), items.begin() + static_cast<std::ptrdiff_t>(shared[window]),
                      items.end());
    }
  }
  return sequences;
}

}  // namespace veer::importers

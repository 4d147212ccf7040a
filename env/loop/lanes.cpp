#include "env/loop/lanes.h"

#include <algorithm>
#include <atomic>

#include "env/runtime.h"

namespace veer {

std::int64_t pieces_within(std::int64_t cache_mb, std::size_t bytes, std::int64_t pieces) noexcept {
  if (cache_mb < 0 || bytes == 0) return pieces;
  // 2^40 megabytes are the largest bound whose bytes fit in 64 bits with room to spare; more is no bound.
  const std::size_t megabyte = std::size_t{1} << 20;
  const auto bound = static_cast<std::size_t>(cache_mb);
  if (bound > (std::size_t{1} << 40)) return pieces;
  return static_cast<std::int64_t>(std::min(bound * megabyte / bytes, static_cast<std::size_t>(pieces)));
}

std::int64_t lanes_within(std::int64_t cache_mb, std::size_t bytes, std::int64_t pieces) noexcept {
  return std::max<std::int64_t>(1, pieces_within(cache_mb, bytes, pieces));
}

void parallel_for_lanes(std::int64_t count, std::int64_t lanes,
                        const std::function<void(std::int64_t)>& body) {
  std::atomic<std::int64_t> next{0};
  parallel_for(std::min(lanes, count), [&](std::int64_t) {
    for (std::int64_t i = next++; i < count; i = next++) {
      try {
        body(i);
      } catch (...) {
        next = count;  // nobody will see what the other lanes have yet to do
        throw;
      }
    }
  });
}

}  // namespace veer

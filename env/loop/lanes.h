// Work in pieces of which only so many may run at a time, because each holds caches. Thread-safety: free
// functions; the pieces run in the TBB arena of the caller.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace veer {

inline constexpr std::int64_t no_cache_bound = -1;

/// How many of `pieces` fit when each holds `bytes` and all together at most `cache_mb` megabytes.
std::int64_t pieces_within(std::int64_t cache_mb, std::size_t bytes, std::int64_t pieces) noexcept;

/// How many of `pieces` may run at once when each holds `bytes` and all together at most `cache_mb`
/// megabytes: at least one, however small the bound.
std::int64_t lanes_within(std::int64_t cache_mb, std::size_t bytes, std::int64_t pieces) noexcept;

/// Runs body(i) for i in 0..count-1, at most `lanes` of them at a time, each on one worker.
void parallel_for_lanes(std::int64_t count, std::int64_t lanes,
                        const std::function<void(std::int64_t)>& body);

}  // namespace veer

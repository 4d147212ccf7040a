// Buckets of relative positions, as T5 has them. Torch-free, pure.
#pragma once

#include <cstdint>

namespace veer::nn {

/// Bucket of key position minus query position in attention that looks both ways: half of the `buckets` for
/// keys at or before the query, the other half for keys after it; within a half, distances below a quarter of
/// `buckets` have a bucket of their own and farther ones share logarithmically, up to `far_distance`.
std::int32_t two_way_bucket(std::int32_t key_minus_query, std::int32_t buckets,
                            std::int32_t far_distance) noexcept;

/// The same for causal attention, where only keys at or before the query are seen: all buckets are theirs.
std::int32_t causal_bucket(std::int32_t query_minus_key, std::int32_t buckets,
                           std::int32_t far_distance) noexcept;

}  // namespace veer::nn

#include "env/nn/seq2seq/relative_position.h"

#include <algorithm>
#include <cmath>

namespace veer::nn {
namespace {

/// Half of the buckets are exact, the others share what lies between there and far_distance evenly in
/// logarithms.
std::int32_t bucket_of_distance(std::int32_t distance, std::int32_t buckets,
                                std::int32_t far_distance) noexcept {
  const std::int32_t exact = buckets / 2;
  if (distance < exact) return distance;
  const double share =
      std::log(static_cast<double>(distance) / exact) / std::log(static_cast<double>(far_distance) / exact);
  return std::min(buckets - 1, exact + static_cast<std::int32_t>(share * (buckets - exact)));
}

}  // namespace

std::int32_t two_way_bucket(std::int32_t key_minus_query, std::int32_t buckets,
                            std::int32_t far_distance) noexcept {
  const std::int32_t half = buckets / 2;
  return (key_minus_query > 0 ? half : 0) + bucket_of_distance(std::abs(key_minus_query), half, far_distance);
}

std::int32_t causal_bucket(std::int32_t query_minus_key, std::int32_t buckets,
                           std::int32_t far_distance) noexcept {
  return bucket_of_distance(std::max(0, query_minus_key), buckets, far_distance);
}

}  // namespace veer::nn

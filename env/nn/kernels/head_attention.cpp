#include "env/nn/kernels/head_attention.h"

#include <algorithm>
#include <cmath>

#include "env/nn/kernels/vector_math.h"

namespace veer::nn {
namespace {

constexpr std::int32_t together = 4;  ///< queries whose sums fit the registers side by side
constexpr float unseen_score = -3.4e38F;

/// Four queries t .. t + 3 (those past `last` repeat it and are not stored) over keys 0 .. last.
template <int Vectors>
VEER_LANES_INLINE void attend_four(const HeadAttention& h, const float* queries, const float* turned_keys,
                                   const float* values, std::int32_t t, std::int32_t padded, float* scaled,
                                   float* weights, float* out) noexcept {
  constexpr std::int32_t width = Vectors * lane_count;
  const std::int32_t last = std::min(t + together, h.length) - 1;
  const std::int32_t end = (last / lane_count + 1) * lane_count;
  const float scale = 1.0F / std::sqrt(static_cast<float>(width));
  for (int j = 0; j < together; ++j) {
    const float* query = queries + std::min(t + j, last) * h.stride;
    for (int c = 0; c < Vectors; ++c) {
      store(scaled + j * width + c * lane_count, load(query + c * lane_count) * scale);
    }
  }
  Lanes most[together];
#pragma GCC unroll 4
  for (int j = 0; j < together; ++j) most[j] = splat(unseen_score);
  const Lanes places = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  for (std::int32_t s = 0; s < end; s += lane_count) {
    Lanes score[together];
#pragma GCC unroll 4
    for (int j = 0; j < together; ++j) score[j] = Lanes{};
    for (std::int32_t i = 0; i < width; ++i) {
      const Lanes key = load(turned_keys + i * padded + s);
#pragma GCC unroll 4
      for (int j = 0; j < together; ++j) score[j] += scaled[j * width + i] * key;
    }
#pragma GCC unroll 4
    for (int j = 0; j < together; ++j) {
      const Lanes place = places + static_cast<float>(s);
      const Lanes seen = place > static_cast<float>(std::min(t + j, last)) ? splat(unseen_score) : score[j];
      store(weights + j * padded + s, seen);
      most[j] = larger(most[j], seen);
    }
  }
#pragma GCC unroll 4
  for (int j = 0; j < together; ++j) {
    const Lanes shift = splat(largest_of(most[j]));
    float* row = weights + j * padded;
    Lanes total{};
    for (std::int32_t s = 0; s < end; s += lane_count) {
      const Lanes place = places + static_cast<float>(s);
      const Lanes weight = exponential_of_deficit(load(row + s) - shift);
      const Lanes seen = place > static_cast<float>(std::min(t + j, last)) ? Lanes{} : weight;
      store(row + s, seen);
      total += seen;
    }
    const float share = 1.0F / sum_of(total);
    const float* mask = h.mask == nullptr ? nullptr : h.mask + std::min(t + j, last) * h.mask_stride;
    for (std::int32_t s = 0; s < end; s += lane_count) {
      Lanes value = load(row + s) * share;
      if (mask != nullptr) value *= load_part(mask + s, std::min(lane_count, h.length - s), 0.0F);
      store(row + s, value);
    }
  }
  Lanes sum[together][Vectors];
#pragma GCC unroll 4
  for (int j = 0; j < together; ++j) {
#pragma GCC unroll 2
    for (int c = 0; c < Vectors; ++c) sum[j][c] = Lanes{};
  }
  for (std::int32_t s = 0; s <= last; ++s) {
    const float* value = values + s * h.stride;
#pragma GCC unroll 2
    for (int c = 0; c < Vectors; ++c) {
      const Lanes v = load(value + c * lane_count);
#pragma GCC unroll 4
      for (int j = 0; j < together; ++j) sum[j][c] += weights[j * padded + s] * v;
    }
  }
#pragma GCC unroll 4
  for (int j = 0; j < together; ++j) {
    if (t + j > last) break;
#pragma GCC unroll 2
    for (int c = 0; c < Vectors; ++c) store(out + (t + j) * h.out_stride + c * lane_count, sum[j][c]);
  }
}

template <int Vectors>
VEER_LANES_INLINE void attend_all(const HeadAttention& h, const float* queries, const float* keys,
                                  const float* values, float* scratch, float* out) noexcept {
  constexpr std::int32_t width = Vectors * lane_count;
  const std::int32_t padded = (h.length + lane_count - 1) / lane_count * lane_count;
  float* turned = scratch;
  float* scaled = turned + width * padded;
  float* weights = scaled + together * width;
  for (std::int32_t s = 0; s < h.length; ++s) {
    const float* key = keys + s * h.stride;
    for (std::int32_t i = 0; i < width; ++i) turned[i * padded + s] = key[i];
  }
  for (std::int32_t i = 0; i < width; ++i) {
    for (std::int32_t s = h.length; s < padded; ++s) turned[i * padded + s] = 0.0F;
  }
  for (std::int32_t t = h.first; t < h.length; t += together) {
    attend_four<Vectors>(h, queries, turned, values, t, padded, scaled, weights, out);
  }
}

VEER_KERNEL void attend_16(const HeadAttention& h, const float* queries, const float* keys,
                           const float* values, float* scratch, float* out) noexcept {
  attend_all<1>(h, queries, keys, values, scratch, out);
}
VEER_KERNEL void attend_32(const HeadAttention& h, const float* queries, const float* keys,
                           const float* values, float* scratch, float* out) noexcept {
  attend_all<2>(h, queries, keys, values, scratch, out);
}

}  // namespace

void attend_head(const HeadAttention& head, const float* queries, const float* keys, const float* values,
                 std::vector<float>& scratch, float* out) {
  const std::int32_t padded = (head.length + lane_count - 1) / lane_count * lane_count;
  const auto needed = static_cast<std::size_t>(head.width * padded + together * (head.width + padded));
  if (scratch.size() < needed) scratch.resize(needed);
  (head.width == 16 ? attend_16 : attend_32)(head, queries, keys, values, scratch.data(), out);
}

}  // namespace veer::nn

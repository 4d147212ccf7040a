#include "simulators/response/response_kernels.h"

#include "env/nn/kernels/lane_transpose.h"
#include "env/nn/kernels/vector_math.h"

namespace veer::response {
namespace {

using nn::lane_count;
using nn::Lanes;

constexpr std::int32_t head_width = width / heads;
constexpr float lowest = -1.0e30F;

/// Sixteen queries of one head on their way over the keys.
struct Reading {
  Lanes query[head_width];
  Lanes sum[head_width];
  Lanes total;
  Lanes shift;
};

VEER_LANES_INLINE Lanes product(const Reading& r, const float* key) noexcept {
  Lanes x = r.query[0] * key[0];
#pragma GCC unroll 8
  for (std::int32_t d = 1; d < head_width; ++d) x += r.query[d] * key[d];
  return x;
}

template <bool shifted>
VEER_LANES_INLINE void read_entry(Reading& r, const float* row, float weight) noexcept {
  const Lanes x = product(r, row + width);
  // Far below the largest product 2^-126 is as good as nothing.
  const Lanes w =
      weight * nn::power_of_two_in_range(shifted ? nn::larger(x - r.shift, nn::splat(-126.0F)) : x);
  r.total += w;
  const float* value = row + 2 * width;
#pragma GCC unroll 8
  for (std::int32_t d = 0; d < head_width; ++d) r.sum[d] += w * value[d];
}

/// One head of sixteen queries over all entries.
template <bool shifted>
VEER_LANES_INLINE void read_entries(const Entries& entries, std::int32_t head, Reading& r) noexcept {
  const std::int32_t from = head * head_width, last = entries.count - 1;
  if (shifted) {
    r.shift = nn::splat(lowest);
    for (std::int32_t s = 0; s <= last; ++s) {
      r.shift = nn::larger(product(r, entries.rows[s] + from + width), r.shift);
    }
  }
  for (std::int32_t s = 0; s < last; ++s) read_entry<shifted>(r, entries.rows[s] + from, 1.0F);
  read_entry<shifted>(r, entries.rows[last] + from, entries.last_weight);
}

}  // namespace

VEER_KERNEL void self_attention(const Entries& entries, float* queries, float* contexts) noexcept {
  const std::int32_t stride = padded(entries.count);
  for (std::int32_t t = 0; t < stride; t += lane_count) {
    Lanes block[lane_count];
#pragma GCC unroll 16
    for (std::int32_t i = 0; i < lane_count; ++i) {
      block[i] = nn::load(entries.rows[t + i < entries.count ? t + i : entries.count - 1]);
    }
    nn::transpose(block);
#pragma GCC unroll 16
    for (std::int32_t d = 0; d < width; ++d) nn::store(queries + d * stride + t, block[d]);
  }
  for (std::int32_t t = 0; t < stride; t += lane_count) {
    for (std::int32_t head = 0; head < heads; ++head) {
      const std::int32_t from = head * head_width * stride + t;
      Reading r;
#pragma GCC unroll 8
      for (std::int32_t d = 0; d < head_width; ++d) {
        r.query[d] = nn::load(queries + from + d * stride);
        r.sum[d] = Lanes{};
      }
      r.total = Lanes{};
      if (entries.shifted) {
        read_entries<true>(entries, head, r);
      } else {
        read_entries<false>(entries, head, r);
      }
      const Lanes inverse = 1.0F / r.total;
#pragma GCC unroll 8
      for (std::int32_t d = 0; d < head_width; ++d) {
        nn::store(contexts + from + d * stride, r.sum[d] * inverse);
      }
    }
  }
}

VEER_KERNEL void pool_contexts(const float* contexts, const Entries& entries, const float* directions,
                               float* scratch, float* out) noexcept {
  const std::int32_t stride = padded(entries.count);
  for (std::int32_t head = 0; head < heads; ++head, directions += width, out += width) {
    Lanes best = nn::splat(lowest);
    for (std::int32_t t = 0; t < stride; t += lane_count) {
      Lanes x{};
#pragma GCC unroll 16
      for (std::int32_t d = 0; d < width; ++d) x += directions[d] * nn::load(contexts + d * stride + t);
      // What lies past the entries repeats the last one, so it cannot be larger.
      best = nn::larger(x, best);
      nn::store(scratch + t, x);
    }
    const Lanes shift = nn::splat(nn::largest_of(best));
    for (std::int32_t t = entries.count; t < stride; ++t) scratch[t] = lowest;
    Lanes total{};
    for (std::int32_t t = 0; t < stride; t += lane_count) {
      nn::store(scratch + t, nn::exponential(nn::load(scratch + t) - shift));
    }
    scratch[entries.count - 1] *= entries.last_weight;
    for (std::int32_t t = 0; t < stride; t += lane_count) total += nn::load(scratch + t);
    const float inverse = 1.0F / nn::sum_of(total);
    Lanes sums[width];
#pragma GCC unroll 16
    for (std::int32_t d = 0; d < width; ++d) sums[d] = Lanes{};
    for (std::int32_t t = 0; t < stride; t += lane_count) {
      const Lanes weight = nn::load(scratch + t);
#pragma GCC unroll 16
      for (std::int32_t d = 0; d < width; ++d) sums[d] += weight * nn::load(contexts + d * stride + t);
    }
    // Sums over lanes are sums of columns: as rows of the transpose they add up sixteen at a time.
    nn::transpose(sums);
    Lanes sum = sums[0];
#pragma GCC unroll 16
    for (std::int32_t i = 1; i < lane_count; ++i) sum += sums[i];
    nn::store(out, sum * inverse);
  }
}

VEER_KERNEL void affine(const float* columns, const float* offset, const float* x, std::int32_t count,
                        std::int32_t blocks, float* out) noexcept {
  const std::int32_t stride = blocks * lane_count;
  for (std::int32_t b = 0; b < stride; b += lane_count) {
    // Four sums side by side: one would wait for itself.
    Lanes sum[4] = {nn::load(offset + b), Lanes{}, Lanes{}, Lanes{}};
    std::int32_t j = 0;
    for (; j + 4 <= count; j += 4) {
#pragma GCC unroll 4
      for (std::int32_t i = 0; i < 4; ++i) sum[i] += x[j + i] * nn::load(columns + (j + i) * stride + b);
    }
    for (; j < count; ++j) sum[0] += x[j] * nn::load(columns + j * stride + b);
    nn::store(out + b, (sum[0] + sum[1]) + (sum[2] + sum[3]));
  }
}

VEER_KERNEL void rectify(float* x, std::int32_t size) noexcept {
  for (std::int32_t i = 0; i < size; i += lane_count) nn::store(x + i, nn::larger(nn::load(x + i), Lanes{}));
}

VEER_KERNEL void multiply(const float* a, const float* b, std::int32_t size, float* out) noexcept {
  for (std::int32_t i = 0; i < size; i += lane_count) nn::store(out + i, nn::load(a + i) * nn::load(b + i));
}

VEER_KERNEL void logistic(float* x, std::int32_t size) noexcept {
  for (std::int32_t i = 0; i < size; i += lane_count) nn::store(x + i, nn::sigmoid_of(nn::load(x + i)));
}

VEER_KERNEL float dot16(const float* a, const float* b) noexcept {
  return nn::sum_of(nn::load(a) * nn::load(b));
}

VEER_KERNEL void block_products(const float* blocks, std::int32_t count, const float* q,
                                float* out) noexcept {
  for (std::int32_t b = 0; b < count; ++b, blocks += width * lane_count, out += lane_count) {
    Lanes sum[2] = {};
#pragma GCC unroll 16
    for (std::int32_t d = 0; d < width; ++d) sum[d % 2] += q[d] * nn::load(blocks + d * lane_count);
    nn::store(out, sum[0] + sum[1]);
  }
}

}  // namespace veer::response

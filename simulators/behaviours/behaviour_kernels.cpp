#include "simulators/behaviours/behaviour_kernels.h"

#include <algorithm>
#include <cmath>

#include "env/nn/kernels/vector_math.h"

namespace veer::behaviour {
namespace {

using nn::lane_count;
using nn::Lanes;
using nn::load;
using nn::splat;
using nn::store;

constexpr float norm_epsilon = 1e-5F;

/// Normalises `width` values that stand in `row`, in place.
VEER_LANES_INLINE void normalise_row(float* row, std::int32_t width, const Norm& norm) noexcept {
  const auto count = static_cast<float>(width);
  Lanes sum{};
  for (std::int32_t c = 0; c < width; c += lane_count) sum += load(row + c);
  const float mean = nn::sum_of(sum) / count;
  Lanes squares{};
  for (std::int32_t c = 0; c < width; c += lane_count) {
    const Lanes d = load(row + c) - mean;
    squares += d * d;
  }
  const float scale = 1.0F / std::sqrt(nn::sum_of(squares) / count + norm_epsilon);
  for (std::int32_t c = 0; c < width; c += lane_count) {
    store(row + c, (load(row + c) - mean) * scale * load(norm.gain + c) + load(norm.offset + c));
  }
}

}  // namespace

VEER_KERNEL void normalise_sum(const float* a, const std::int32_t* index, const float* b, const float* mask,
                               std::int32_t rows, std::int32_t width, const Norm& norm, float* out,
                               std::int64_t stride) noexcept {
  for (std::int32_t r = 0; r < rows; ++r, out += stride) {
    const std::int64_t place = std::int64_t{r} * width;
    const float* from = a + std::int64_t{index == nullptr ? r : index[r]} * width;
    for (std::int32_t c = 0; c < width; c += lane_count) {
      Lanes value = load(from + c);
      if (b != nullptr) value += load(b + place + c);
      if (mask != nullptr) value *= load(mask + place + c);
      store(out + c, value);
    }
    normalise_row(out, width, norm);
  }
}

VEER_KERNEL void combine(const float* a, const float* b, const float* c, const float* d, float mean,
                         float scale, std::int32_t width, float* out) noexcept {
  for (std::int32_t i = 0; i < width; i += lane_count) {
    store(out + i, scale * (load(a + i) + load(b + i) - mean * load(c + i)) + load(d + i));
  }
}

VEER_KERNEL Moments moments_of_sum(const float* a, const float* b, std::int32_t width) noexcept {
  const auto count = static_cast<float>(width);
  Lanes sum{};
  for (std::int32_t c = 0; c < width; c += lane_count) sum += load(a + c) + load(b + c);
  const float mean = nn::sum_of(sum) / count;
  Lanes squares{};
  for (std::int32_t c = 0; c < width; c += lane_count) {
    const Lanes d = load(a + c) + load(b + c) - mean;
    squares += d * d;
  }
  return {mean, 1.0F / std::sqrt(nn::sum_of(squares) / count + norm_epsilon)};
}

VEER_KERNEL void add_block(const float* y, const float* mask, std::int32_t rows, std::int32_t width,
                           const Norm& norm, float* x) noexcept {
  for (std::int32_t r = 0; r < rows; ++r, x += width) {
    const std::int64_t place = std::int64_t{r} * width;
    for (std::int32_t c = 0; c < width; c += lane_count) {
      Lanes value = load(y + place + c);
      if (mask != nullptr) value *= load(mask + place + c);
      store(x + c, load(x + c) + value);
    }
    normalise_row(x, width, norm);
  }
}

VEER_KERNEL void drop(const float* mask, std::int64_t size, float* x) noexcept {
  for (std::int64_t i = 0; i < size; i += lane_count) store(x + i, load(x + i) * load(mask + i));
}

VEER_KERNEL void pool_rows(const float* weights, std::int32_t heads, std::int64_t stride, const float* x,
                           std::int32_t rows, std::int32_t width, float* out) noexcept {
  for (std::int32_t h = 0; h < heads; ++h) {
    const float* w = weights + h * stride;
    std::int32_t c = 0;
    for (; c + 4 * lane_count <= width; c += 4 * lane_count) {
      Lanes sum[4] = {};
      for (std::int32_t t = 0; t < rows; ++t) {
        const float* row = x + std::int64_t{t} * width + c;
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) sum[v] += w[t] * load(row + v * lane_count);
      }
      for (int v = 0; v < 4; ++v) store(out + h * width + c + v * lane_count, sum[v]);
    }
    for (; c < width; c += lane_count) {
      Lanes sum{};
      for (std::int32_t t = 0; t < rows; ++t) sum += w[t] * load(x + std::int64_t{t} * width + c);
      store(out + h * width + c, sum);
    }
  }
}

VEER_KERNEL void soften(float* scores, std::int32_t count, float scale) noexcept {
  Lanes most = splat(-3.4e38F);
  for (std::int32_t s = 0; s < count; s += lane_count) {
    const Lanes value = nn::load_part(scores + s, std::min(lane_count, count - s), -3.4e38F);
    most = nn::larger(most, value);
  }
  const float shift = nn::largest_of(most) * scale;
  Lanes total{};
  for (std::int32_t s = 0; s < count; s += lane_count) {
    const std::int32_t n = std::min(lane_count, count - s);
    const Lanes weight = nn::exponential_of_deficit(nn::load_part(scores + s, n, 0.0F) * scale - shift);
    nn::store_part(scores + s, weight, n);
    total += nn::load_part(scores + s, n, 0.0F);
  }
  const float share = 1.0F / nn::sum_of(total);
  for (std::int32_t s = 0; s < count; ++s) scores[s] *= share;
}

VEER_KERNEL float inner(const float* a, const float* b, std::int32_t width) noexcept {
  Lanes sum{};
  for (std::int32_t c = 0; c < width; c += lane_count) sum += load(a + c) * load(b + c);
  return nn::sum_of(sum);
}

}  // namespace veer::behaviour

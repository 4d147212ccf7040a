// The loops of a model of behaviours that are no matrix products, sixteen floats at a time. Internal to
// simulators/behaviours. Masks may be null: nothing is dropped.
//
// Thread-safety: pure functions over the caller's memory. Determinism: a row's result depends on that row
// alone. REQUIRES throughout: widths are multiples of 16.
#pragma once

#include <cstdint>

namespace veer::behaviour {

/// Gain and offset of a layer norm, its epsilon 1e-5.
struct Norm {
  const float* gain = nullptr;
  const float* offset = nullptr;
};

/// out[r] = norm(mask[r] * (a[r] + b[r])), where row r of `a` stands at a + index[r] * width (null: row r)
/// and rows of `out` are `stride` apart. `b` null: nothing is added.
void normalise_sum(const float* a, const std::int32_t* index, const float* b, const float* mask,
                   std::int32_t rows, std::int32_t width, const Norm& norm, float* out,
                   std::int64_t stride) noexcept;

/// out = scale * (a + b - mean * c) + d, value by value: what a map makes of a normalised sum, from what it
/// makes of its parts.
void combine(const float* a, const float* b, const float* c, const float* d, float mean, float scale,
             std::int32_t width, float* out) noexcept;

/// Mean of a + b, and 1 / sqrt(variance + epsilon).
struct Moments {
  float mean = 0.0F, scale = 1.0F;
};
Moments moments_of_sum(const float* a, const float* b, std::int32_t width) noexcept;

/// x[r] = norm(x[r] + mask[r] * y[r]): the end of a block of a Transformer layer.
void add_block(const float* y, const float* mask, std::int32_t rows, std::int32_t width, const Norm& norm,
               float* x) noexcept;

/// x *= mask.
void drop(const float* mask, std::int64_t size, float* x) noexcept;

/// out[h] = the sum over rows t of weights[h * stride + t] * x[t], for each of `heads`; out [heads, width].
void pool_rows(const float* weights, std::int32_t heads, std::int64_t stride, const float* x,
               std::int32_t rows, std::int32_t width, float* out) noexcept;

/// Softmax of scores[0 .. count), which becomes weights; scale is applied first. Reads and writes whole
/// vectors of 16 up to `count`.
void soften(float* scores, std::int32_t count, float scale) noexcept;

/// a . b in one fixed order.
float inner(const float* a, const float* b, std::int32_t width) noexcept;

}  // namespace veer::behaviour

// What training does with a row of a tile of catalogue scores while the tile is in cache. Torch-free.
//
// Thread-safety: pure functions over the caller's memory. Determinism: every reduction has one fixed order.
#pragma once

#include <cstdint>

#include "env/types.h"

namespace veer::nn {

/// scores[i] += bias[i]; returns the greatest (the lowest float for count 0). `bias` may be null.
float add_bias(float* scores, const float* bias, std::int32_t count) noexcept;

/// to[i] = e^(from[i] - shift), which must not exceed 1 by much; returns their sum. `to` may be `from`.
float exponentials_below(const float* from, float shift, std::int32_t count, float* to) noexcept;

/// values[i] *= factor.
void scale_values(float* values, float factor, std::int32_t count) noexcept;
/// to[i] += factor * from[i].
void add_scaled(float* to, float factor, const float* from, std::int32_t count) noexcept;

struct BestScore {
  float score = 0.0F;
  std::int32_t index = 0;
};
/// The greatest of scores[i] + bias[i] and the first place where it stands. REQUIRES: count >= 1.
BestScore best_score(const float* scores, const float* bias, std::int32_t count) noexcept;

/// How many of scores[i] + bias[i] exceed `bound`, or with `or_equal` reach it.
std::int32_t count_above(const float* scores, const float* bias, std::int32_t count, float bound,
                         bool or_equal) noexcept;

}  // namespace veer::nn

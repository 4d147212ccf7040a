// What is done with a tile of catalogue logits while it is still in cache: the log-sum-exp and the count
// behind a rank, the mass of small blocks behind a draw, the best few. Plain float pointers; no allocation.
//
// Thread-safety: pure functions. Determinism: every reduction has one fixed order per row, whatever the other
// rows are.
#pragma once

#include <cstdint>
#include <span>

namespace veer::nn {

/// Running log-sum-exp of one row: the sum of e^(s - largest) over the logits seen so far.
struct LogSum {
  float largest = -3.4e38F;
  double sum = 0.0;

  void add(float tile_largest, double tile_sum) noexcept;
  double value() const noexcept;  ///< natural log of the sum of e^s
};

/// Adds `count` logits to `sum` and returns how many of them are greater than `threshold`.
std::int32_t reduce_tile(const float* logits, std::int32_t count, float threshold, LogSum& sum) noexcept;

/// Items per block of block_masses(): what a draw looks at again once it knows the block.
inline constexpr std::int32_t mass_block = 64;

/// masses[b] = sum of e^(s - largest) over block b of mass_block logits; returns `largest` of the tile.
float block_masses(const float* logits, std::int32_t count, std::span<float> masses) noexcept;

/// Index of the first greatest logit.
std::int32_t argmax(const float* logits, std::int32_t count) noexcept;

/// Something that at least `wanted` of the logits are greater than, and few others: found in one look at
/// them. -infinity where there is no such thing at hand (more than 16 wanted, or too few logits).
float below_best(const float* logits, std::int32_t count, std::int32_t wanted) noexcept;

/// Writes the indices of logits greater than `threshold`, ascending, and returns how many there are.
std::int32_t indices_above(const float* logits, std::int32_t count, float threshold,
                           std::span<std::int32_t> out) noexcept;

/// Inner product in one fixed order.
float dot(const float* a, const float* b, std::int32_t count) noexcept;

/// out[i] = e^in[i] with the polynomial the other kernels use. For tests and for small spans.
void exponentials(std::span<const float> in, std::span<float> out) noexcept;

}  // namespace veer::nn

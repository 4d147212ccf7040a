// Dropout masks from Philox. Sixteen bits decide about one value, eight values share one Philox block.
// Torch-free. Thread-safe: pure functions.
#pragma once

#include <cstdint>
#include <span>

#include "env/random.h"

namespace veer {

/// Blocks of Stream::dropout that a mask of `values` values uses up (whole groups of 32 blocks = 256 values).
constexpr std::uint32_t dropout_blocks(std::int64_t values) noexcept {
  return static_cast<std::uint32_t>((values + 255) / 256 * 32);
}

/// Fills `mask` with 0 (probability `rate`, rounded to 1/65536) or 1 / (1 - rate), so that masked values keep
/// their mean. Value i of a group of 256 reads half (i / 32) % 2 (low half first) of word i / 64 of block
/// first_block + 32 * group + i % 32. REQUIRES: 0 <= rate < 1; first_block + dropout_blocks(size) <= 2^24.
void fill_dropout_mask(const StepKey& key, std::uint32_t first_block, float rate,
                       std::span<float> mask) noexcept;

}  // namespace veer

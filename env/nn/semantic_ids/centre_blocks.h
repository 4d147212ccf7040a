// Squared distances from a point to all centres of a codebook: the inner loop of fitting and of encoding.
// The library is compiled without fused multiply-add, so that the bits are the same on every x86-64.
// Thread-safety: immutable once built; safe to share.
#pragma once

#include <cstdint>
#include <vector>

#include "env/types.h"

namespace veer::nn {

/// Centres with their values interleaved, sixteen centres to a block.
class CentreBlocks {
 public:
  explicit CentreBlocks(View<const float> centres);

  std::int32_t centres() const noexcept { return centres_; }
  std::int32_t width() const noexcept { return width_; }
  /// How many values measure() writes: the centres, rounded up to whole blocks.
  std::int32_t padded() const noexcept { return padded_; }

  /// distances[c] = |point - centre c|^2 for c < centres(); what lies behind is of no meaning.
  /// `point`: [width]; `distances`: [padded].
  void measure(const float* point, float* distances) const noexcept;

  struct Nearest {
    std::int32_t centre = 0;  ///< the lowest number on ties
    float distance = 0.0F;    ///< squared
  };
  /// `scratch`: [padded]; holds the distances afterwards. REQUIRES: centres() > 0.
  Nearest nearest(const float* point, float* scratch) const noexcept;

 private:
  std::int32_t centres_ = 0;
  std::int32_t width_ = 0;
  std::int32_t padded_ = 0;
  std::vector<float> blocks_;  // [blocks, width, 16]
};

}  // namespace veer::nn

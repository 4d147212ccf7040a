#include "env/nn/semantic_ids/centre_blocks.h"

#include "env/nn/kernels/vector_math.h"

namespace veer::nn {
namespace {

/// Four blocks at a time keep enough sums in flight to hide the latency of additions.
VEER_KERNEL void measure_blocks(const float* blocks, std::int32_t count, std::int32_t width,
                                const float* point, float* distances) noexcept {
  const std::ptrdiff_t block = static_cast<std::ptrdiff_t>(width) * lane_count;
  std::int32_t b = 0;
  for (; b + 4 <= count; b += 4) {
    Lanes sum0{}, sum1{}, sum2{}, sum3{};
    const float* from = blocks + b * block;
    for (std::int32_t j = 0; j < width; ++j, from += lane_count) {
      const Lanes value = splat(point[j]);
      const Lanes difference0 = value - load(from), difference1 = value - load(from + block);
      const Lanes difference2 = value - load(from + 2 * block), difference3 = value - load(from + 3 * block);
      sum0 += difference0 * difference0;
      sum1 += difference1 * difference1;
      sum2 += difference2 * difference2;
      sum3 += difference3 * difference3;
    }
    float* to = distances + b * lane_count;
    store(to, sum0);
    store(to + lane_count, sum1);
    store(to + 2 * lane_count, sum2);
    store(to + 3 * lane_count, sum3);
  }
  for (; b < count; ++b) {
    Lanes sum{};
    const float* from = blocks + b * block;
    for (std::int32_t j = 0; j < width; ++j, from += lane_count) {
      const Lanes difference = splat(point[j]) - load(from);
      sum += difference * difference;
    }
    store(distances + b * lane_count, sum);
  }
}

}  // namespace

CentreBlocks::CentreBlocks(View<const float> centres)
    : centres_(centres.rows()),
      width_(centres.width()),
      padded_((centres.rows() + lane_count - 1) / lane_count * lane_count),
      blocks_(at(padded_) * at(width_)) {
  for (std::int32_t c = 0; c < centres_; ++c) {
    float* block = blocks_.data() + at(c / lane_count) * at(width_) * at(lane_count);
    for (std::int32_t j = 0; j < width_; ++j) block[j * lane_count + c % lane_count] = centres(c, j);
  }
}

void CentreBlocks::measure(const float* point, float* distances) const noexcept {
  measure_blocks(blocks_.data(), padded_ / lane_count, width_, point, distances);
}

CentreBlocks::Nearest CentreBlocks::nearest(const float* point, float* scratch) const noexcept {
  measure(point, scratch);
  Nearest best{0, scratch[0]};
  for (std::int32_t c = 1; c < centres_; ++c) {
    if (scratch[c] < best.distance) best = {c, scratch[c]};
  }
  return best;
}

}  // namespace veer::nn

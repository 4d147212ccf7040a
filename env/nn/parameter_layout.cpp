#include "env/nn/parameter_layout.h"

#include <algorithm>
#include <cmath>

#include "env/random.h"

namespace veer::nn {

std::int64_t ParameterLayout::size() const noexcept {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  return count;
}

std::int64_t total_size(std::span<const ParameterLayout> layouts) noexcept {
  std::int64_t count = 0;
  for (const ParameterLayout& layout : layouts) count += layout.size();
  return count;
}

namespace {

/// Values further than two deviations out take the first later normal of their own lane sequence (lanes
/// i + k * width, k = 1, 2, ...) that is not.
void draw_tails_again(const StepKey& key, std::span<float> values) noexcept {
  const auto width = static_cast<std::uint32_t>(values.size());
  for (std::uint32_t i = 0; i < width; ++i) {
    for (std::uint32_t lane = i + width; std::abs(values[i]) > 2.0F; lane += width) {
      values[i] = normal(key, Stream::initialise, lane);
    }
  }
}

}  // namespace

void draw_initial(const ParameterLayout& layout, std::uint64_t seed, std::uint32_t index,
                  std::span<float> out) noexcept {
  if (layout.initial == Initial::zeros || layout.initial == Initial::ones ||
      layout.initial == Initial::constant) {
    std::fill(out.begin(), out.end(),
              layout.initial == Initial::zeros  ? 0.0F
              : layout.initial == Initial::ones ? 1.0F
                                                : layout.scale);
    return;
  }
  const auto width = static_cast<std::size_t>(layout.shape.back());
  for (std::size_t row = 0; row * width < out.size(); ++row) {
    const StepKey key{seed, row, index};
    const auto values = out.subspan(row * width, width);
    if (layout.initial == Initial::normal || layout.initial == Initial::truncated_normal) {
      fill_normal(key, Stream::initialise, values);
      if (layout.initial == Initial::truncated_normal) draw_tails_again(key, values);
      for (float& value : values) value *= layout.scale;
    } else {
      fill_uniform(key, Stream::initialise, values);
      for (float& value : values) value = (2.0F * value - 1.0F) * layout.scale;
    }
  }
  if (layout.first_row_zero) std::fill_n(out.begin(), width, 0.0F);
}

}  // namespace veer::nn

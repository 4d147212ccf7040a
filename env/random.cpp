#include "env/random.h"

#include <cmath>
#include <numbers>
#include <utility>

namespace veer {

void fill_uniform(const StepKey& key, Stream stream, std::span<float> out,
                  std::uint32_t first_lane) noexcept {
  PhiloxBlock block{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto lane = static_cast<std::uint32_t>(i) + first_lane;
    if (i == 0 || lane % 4 == 0) block = random_block(key, stream, lane / 4);
    out[i] = word_to_uniform(block[lane % 4]);
  }
}

float normal(const StepKey& key, Stream stream, std::uint32_t lane) noexcept {
  const std::uint32_t first = lane & ~1U;
  // 1 - u lies in (0, 1], so the logarithm is finite.
  const double radius = std::sqrt(-2.0 * std::log(1.0 - double{uniform(key, stream, first)}));
  const double angle = 2.0 * std::numbers::pi * double{uniform(key, stream, first + 1)};
  return static_cast<float>(radius * ((lane & 1U) == 0 ? std::cos(angle) : std::sin(angle)));
}

void fill_normal(const StepKey& key, Stream stream, std::span<float> out) noexcept {
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = normal(key, stream, static_cast<std::uint32_t>(i));
  }
}

void shuffle(const StepKey& key, Stream stream, std::span<std::int32_t> values) noexcept {
  for (std::size_t i = values.size(); i > 1; --i) {
    const std::uint32_t j = uniform_below(static_cast<std::uint32_t>(i), key, stream,
                                          static_cast<std::uint32_t>(values.size() - i));
    std::swap(values[i - 1], values[j]);
  }
}

}  // namespace veer

#include "env/random.h"

#include <algorithm>
#include <array>
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

namespace {

/// Box-Muller.
std::array<float, 2> normals_of(std::uint32_t first, std::uint32_t second) noexcept {
  // 1 - u lies in (0, 1], so the logarithm is finite.
  const double radius = std::sqrt(-2.0 * std::log(1.0 - double{word_to_uniform(first)}));
  const double angle = 2.0 * std::numbers::pi * double{word_to_uniform(second)};
  return {static_cast<float>(radius * std::cos(angle)), static_cast<float>(radius * std::sin(angle))};
}

/// Calls take(i, normal of lane i) for 0 <= i < count.
template <class Take>
void for_each_normal(const StepKey& key, Stream stream, std::size_t count, const Take& take) noexcept {
  for (std::size_t first = 0; first < count; first += 4) {
    const PhiloxBlock words = random_block(key, stream, static_cast<std::uint32_t>(first / 4));
    for (std::size_t lane = first; lane < std::min(first + 4, count); lane += 2) {
      const std::array<float, 2> pair = normals_of(words[lane - first], words[lane - first + 1]);
      take(lane, pair[0]);
      if (lane + 1 < count) take(lane + 1, pair[1]);
    }
  }
}

}  // namespace

float normal(const StepKey& key, Stream stream, std::uint32_t lane) noexcept {
  const PhiloxBlock words = random_block(key, stream, lane / 4);
  const std::uint32_t first = (lane % 4) & ~1U;
  return normals_of(words[first], words[first + 1])[lane & 1U];
}

void fill_normal(const StepKey& key, Stream stream, std::span<float> out) noexcept {
  for_each_normal(key, stream, out.size(), [&](std::size_t i, float z) { out[i] = z; });
}

void add_normal(const StepKey& key, Stream stream, float scale, std::span<float> values) noexcept {
  for_each_normal(key, stream, values.size(), [&](std::size_t i, float z) { values[i] += scale * z; });
}

void shuffle(const StepKey& key, Stream stream, std::span<std::int32_t> values) noexcept {
  for (std::size_t i = values.size(); i > 1; --i) {
    const std::uint32_t j = uniform_below(static_cast<std::uint32_t>(i), key, stream,
                                          static_cast<std::uint32_t>(values.size() - i));
    std::swap(values[i - 1], values[j]);
  }
}

}  // namespace veer

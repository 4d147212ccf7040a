#include "simulators/synthetic/synthetic_user_kernels.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstddef>

namespace veer {
namespace {

constexpr std::int32_t lanes = 32;        // items per block
constexpr std::int32_t tile_blocks = 32;  // 1,024 utilities: 4 KiB
constexpr float never = -1.0e30F;         // utility of the padding behind the last item

using Lanes = std::array<float, lanes>;

#define VEER_INLINE inline __attribute__((always_inline))

/// exp(x) for x <= 0, within a few units in the last place; 0 below -87.7. A single comparison, so that
/// compilers turn loops over it into vector code.
VEER_INLINE float exp_of_nonpositive(float x) noexcept {
  // Among numbers <= 0 the bits, read as an unsigned number, grow with the distance from 0. Comparing floats
  // could trap, which keeps GCC from vectorising.
  constexpr auto limit = std::bit_cast<std::uint32_t>(-88.0F);
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const float clamped = std::bit_cast<float>(bits < limit ? bits : limit);
  // x = n ln 2 + r with |r| <= ln 2 / 2; ln 2 in two parts keeps r exact. Adding 1.5 * 2^23 rounds to the
  // nearest integer.
  const float n = (clamped * 1.44269504F + 12582912.0F) - 12582912.0F;
  const float r = (clamped - n * 0.693359375F) + n * 2.12194440e-4F;
  // Taylor coefficients: the remainder r^8 / 8! is below 1e-8.
  float p = r * (1.0F / 5040.0F) + 1.0F / 720.0F;
  p = p * r + 1.0F / 120.0F;
  p = p * r + 1.0F / 24.0F;
  p = p * r + 1.0F / 6.0F;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  // 2^n by its exponent bits; n = -127, the smallest that the clamp leaves, makes them 0, which is the number
  // 0.
  return p * std::bit_cast<float>((static_cast<std::int32_t>(n) + 127) << 23);
}

/// Utilities of `count` blocks. `packed` and `offset` point at the first of them.
VEER_INLINE void block_utilities(const float* packed, const float* offset, const float* weights,
                                 std::int32_t topics, std::int32_t count, float* __restrict__ out) noexcept {
  for (std::int32_t b = 0; b < count; ++b) {
    float sum[lanes];
    for (std::int32_t l = 0; l < lanes; ++l) sum[l] = offset[l];
    for (std::int32_t t = 0; t < topics; ++t) {
      const float w = weights[t];
      for (std::int32_t l = 0; l < lanes; ++l) sum[l] += w * packed[l];
      packed += lanes;
    }
    for (std::int32_t l = 0; l < lanes; ++l) out[l] = sum[l];
    offset += lanes;
    out += lanes;
  }
}

/// Greatest of `count` values, a multiple of lanes; adds to `above` how many exceed `threshold`.
VEER_INLINE float maximum_and_count(const float* values, std::int32_t count, float threshold,
                                    std::int32_t& above) noexcept {
  float greatest[lanes];
  for (std::int32_t l = 0; l < lanes; ++l) greatest[l] = never;
  for (std::int32_t i = 0; i < count; i += lanes) {
    for (std::int32_t l = 0; l < lanes; ++l) {
      greatest[l] = values[i + l] > greatest[l] ? values[i + l] : greatest[l];
    }
  }
  std::int32_t greater = 0;
  for (std::int32_t i = 0; i < count; ++i) greater += values[i] > threshold ? 1 : 0;
  above += greater;
  float result = never;
  for (const float value : greatest) result = value > result ? value : result;
  return result;
}

/// sums[l] += exp((values[i] - greatest) * factor) over the items of lane l; `count` is a multiple of lanes.
/// Overwrites values.
VEER_INLINE void add_exponentials(float* values, std::int32_t count, float greatest, float factor,
                                  float* sums) noexcept {
  for (std::int32_t i = 0; i < count; ++i) values[i] = exp_of_nonpositive((values[i] - greatest) * factor);
  float local[lanes];
  for (std::int32_t l = 0; l < lanes; ++l) local[l] = sums[l];
  for (std::int32_t i = 0; i < count; i += lanes) {
    for (std::int32_t l = 0; l < lanes; ++l) local[l] += values[i + l];
  }
  for (std::int32_t l = 0; l < lanes; ++l) sums[l] = local[l];
}

/// The three loops compiled for one kind of processor.
struct Kernels {
  void (*block_utilities)(const float*, const float*, const float*, std::int32_t, std::int32_t,
                          float*) noexcept;
  float (*maximum_and_count)(const float*, std::int32_t, float, std::int32_t&) noexcept;
  void (*add_exponentials)(float*, std::int32_t, float, float, float*) noexcept;
};

// The bodies above are inlined into functions that may use more instructions than the rest of the program.
#define VEER_KERNELS(name, attributes)                                                                     \
  attributes void block_utilities_##name(const float* packed, const float* offset, const float* weights,   \
                                         std::int32_t topics, std::int32_t count, float* out) noexcept {   \
    block_utilities(packed, offset, weights, topics, count, out);                                          \
  }                                                                                                        \
  attributes float maximum_and_count_##name(const float* values, std::int32_t count, float threshold,      \
                                            std::int32_t& above) noexcept {                                \
    return maximum_and_count(values, count, threshold, above);                                             \
  }                                                                                                        \
  attributes void add_exponentials_##name(float* values, std::int32_t count, float greatest, float factor, \
                                          float* sums) noexcept {                                          \
    add_exponentials(values, count, greatest, factor, sums);                                               \
  }                                                                                                        \
  constexpr Kernels name = {block_utilities_##name, maximum_and_count_##name, add_exponentials_##name};

VEER_KERNELS(plain, )
#if defined(__x86_64__) && defined(__GNUC__)
VEER_KERNELS(avx2, __attribute__((target("avx2,fma"))))
VEER_KERNELS(avx512, __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"))))

const Kernels& kernels() noexcept {
  static const Kernels& best = []() -> const Kernels& {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
      return avx512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2;
    return plain;
  }();
  return best;
}
#else
const Kernels& kernels() noexcept { return plain; }
#endif

}  // namespace

ItemScorer::ItemScorer(std::span<const float> topics, std::span<const float> offset)
    : items_(static_cast<std::int32_t>(offset.size())),
      topics_(static_cast<std::int32_t>(topics.size() / offset.size())),
      blocks_((items_ + lanes - 1) / lanes) {
  assert(topics.size() == offset.size() * static_cast<std::size_t>(topics_));
  const auto width = static_cast<std::size_t>(topics_);
  packed_.assign(static_cast<std::size_t>(blocks_) * width * lanes, 0.0F);
  offset_.assign(static_cast<std::size_t>(blocks_) * lanes, never);
  for (std::size_t i = 0; i < offset.size(); ++i) {
    offset_[i] = offset[i];
    for (std::size_t t = 0; t < width; ++t) {
      packed_[((i / lanes) * width + t) * lanes + i % lanes] = topics[i * width + t];
    }
  }
}

void ItemScorer::utilities(std::span<const float> weights, std::span<float> out) const noexcept {
  assert(out.size() == static_cast<std::size_t>(items_));
  Lanes block;
  const std::int32_t whole = items_ / lanes;
  kernels().block_utilities(packed_.data(), offset_.data(), weights.data(), topics_, whole, out.data());
  if (whole == blocks_) return;
  const auto done = static_cast<std::size_t>(whole) * lanes;
  kernels().block_utilities(packed_.data() + done * static_cast<std::size_t>(topics_), offset_.data() + done,
                            weights.data(), topics_, 1, block.data());
  std::copy_n(block.data(), out.size() - done, out.data() + done);
}

float ItemScorer::utility(std::span<const float> weights, ItemId item) const noexcept {
  // The whole block, so that the one item gets the same instructions, and so the same bits, as in a full
  // pass.
  const std::size_t index = static_cast<std::size_t>(item) - 1;
  const std::size_t first = index / lanes * lanes;
  Lanes block;
  kernels().block_utilities(packed_.data() + first * static_cast<std::size_t>(topics_),
                            offset_.data() + first, weights.data(), topics_, 1, block.data());
  return block[index - first];
}

ItemStanding ItemScorer::standing(std::span<const float> weights, float inverse_temperature,
                                  ItemId target) const noexcept {
  const float of_target = utility(weights, target);
  float greatest = never;
  std::int32_t above = 0;
  Lanes sums{};
  alignas(64) std::array<float, lanes * tile_blocks> tile;
  for (std::int32_t first = 0; first < blocks_; first += tile_blocks) {
    const std::int32_t count = std::min(tile_blocks, blocks_ - first);
    kernels().block_utilities(packed_.data() + std::ptrdiff_t{first} * topics_ * lanes,
                              offset_.data() + std::ptrdiff_t{first} * lanes, weights.data(), topics_, count,
                              tile.data());
    const float here = kernels().maximum_and_count(tile.data(), count * lanes, of_target, above);
    if (here > greatest) {
      // What was summed so far was relative to a smaller maximum.
      const float rescale = std::exp((greatest - here) * inverse_temperature);
      for (float& sum : sums) sum *= rescale;
      greatest = here;
    }
    kernels().add_exponentials(tile.data(), count * lanes, greatest, inverse_temperature, sums.data());
  }
  double total = 0.0;
  for (const float sum : sums) total += double{sum};
  return {static_cast<float>(double{of_target - greatest} * double{inverse_temperature} - std::log(total)),
          1 + above};
}

}  // namespace veer

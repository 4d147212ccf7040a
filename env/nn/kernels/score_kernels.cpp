#include "env/nn/kernels/score_kernels.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "env/nn/kernels/vector_math.h"

namespace veer::nn {
namespace {

constexpr float least_logit = -3.4e38F;

}  // namespace

void LogSum::add(float tile_largest, double tile_sum) noexcept {
  if (tile_largest > largest) {
    sum *= std::exp(static_cast<double>(largest) - tile_largest);
    largest = tile_largest;
    sum += tile_sum;
  } else {
    sum += tile_sum * std::exp(static_cast<double>(tile_largest) - largest);
  }
}

double LogSum::value() const noexcept { return largest + std::log(sum); }

// The tile's row is in the first-level cache for the second pass, so finding the maximum first costs less
// than rescaling the sum whenever a greater logit turns up.
VEER_KERNEL std::int32_t reduce_tile(const float* logits, std::int32_t count, float threshold,
                                     LogSum& sum) noexcept {
  const std::int32_t whole = count - count % lane_count;
  const std::int32_t rest = count - whole;
  Lanes best = splat(least_logit);
  IntLanes above{};
  const Lanes bound = splat(threshold);
  for (std::int32_t i = 0; i < whole; i += lane_count) {
    const Lanes s = load(logits + i);
    best = larger(s, best);
    above -= s > bound;
  }
  Lanes tail = splat(least_logit);
  if (rest > 0) {
    tail = load_part(logits + whole, rest, least_logit);
    best = larger(tail, best);
    above -= tail > bound;
  }
  const float largest = largest_of(best);
  const Lanes shift = splat(largest);
  Lanes mass0{}, mass1{};
  std::int32_t i = 0;
  for (; i + 2 * lane_count <= whole; i += 2 * lane_count) {
    mass0 += exponential_of_deficit(load(logits + i) - shift);
    mass1 += exponential_of_deficit(load(logits + i + lane_count) - shift);
  }
  if (i < whole) mass0 += exponential_of_deficit(load(logits + i) - shift);
  if (rest > 0) mass1 += exponential_of_deficit(tail - shift);
  sum.add(largest, static_cast<double>(sum_of(mass0 + mass1)));
  return sum_of(above);
}

VEER_KERNEL float block_masses(const float* logits, std::int32_t count, std::span<float> masses) noexcept {
  Lanes best = splat(least_logit);
  for (std::int32_t i = 0; i < count; i += lane_count) {
    best = larger(load_part(logits + i, std::min(lane_count, count - i), least_logit), best);
  }
  const float largest = largest_of(best);
  const Lanes shift = splat(largest);
  std::size_t block = 0;
  for (std::int32_t first = 0; first < count; first += mass_block, ++block) {
    const std::int32_t last = std::min(first + mass_block, count);
    Lanes mass{};
    for (std::int32_t i = first; i < last; i += lane_count) {
      mass += exponential(load_part(logits + i, std::min(lane_count, last - i), least_logit) - shift);
    }
    masses[block] = sum_of(mass);
  }
  return largest;
}

VEER_KERNEL std::int32_t argmax(const float* logits, std::int32_t count) noexcept {
  Lanes best = splat(least_logit);
  for (std::int32_t i = 0; i < count; i += lane_count) {
    best = larger(load_part(logits + i, std::min(lane_count, count - i), least_logit), best);
  }
  const float largest = largest_of(best);
  for (std::int32_t i = 0; i < count; ++i) {
    if (logits[i] == largest) return i;
  }
  return 0;  // every logit is below the lowest representable bound or not a number
}

VEER_KERNEL float below_best(const float* logits, std::int32_t count, std::int32_t wanted) noexcept {
  constexpr float nothing = -std::numeric_limits<float>::infinity();
  if (wanted > lane_count) return nothing;
  Lanes best = splat(nothing);
  for (std::int32_t i = 0; i < count; i += lane_count) {
    best = larger(load_part(logits + i, std::min(lane_count, count - i), nothing), best);
  }
  // The greatest of every lane: as many different logits, of which the wanted-th is in the catalogue's best.
  float lanes[lane_count];
  store(lanes, best);
  std::nth_element(lanes, lanes + (wanted - 1), lanes + lane_count, std::greater<>());
  return std::nextafter(lanes[wanted - 1], nothing);
}

VEER_KERNEL std::int32_t indices_above(const float* logits, std::int32_t count, float threshold,
                                       std::span<std::int32_t> out) noexcept {
  const Lanes bound = splat(threshold);
  std::int32_t found = 0;
  for (std::int32_t i = 0; i < count; i += lane_count) {
    // Most of the catalogue holds nothing of interest: it is passed in strides of four vectors.
    while (i + 4 * lane_count <= count &&
           !(largest_of(larger(larger(load(logits + i), load(logits + i + lane_count)),
                               larger(load(logits + i + 2 * lane_count),
                                      load(logits + i + 3 * lane_count)))) > threshold)) {
      i += 4 * lane_count;
    }
    const std::int32_t width = std::min(lane_count, count - i);
    if (width <= 0) break;
    const IntLanes above = load_part(logits + i, width, least_logit) > bound;
    if (sum_of(above) == 0) continue;
    for (std::int32_t j = i; j < i + width; ++j) {
      if (logits[j] > threshold) out[static_cast<std::size_t>(found++)] = j;
    }
  }
  return found;
}

VEER_KERNEL float dot(const float* a, const float* b, std::int32_t count) noexcept {
  Lanes sum{};
  for (std::int32_t i = 0; i < count; i += lane_count) {
    const std::int32_t width = std::min(lane_count, count - i);
    sum += load_part(a + i, width, 0.0F) * load_part(b + i, width, 0.0F);
  }
  return sum_of(sum);
}

VEER_KERNEL void exponentials(std::span<const float> in, std::span<float> out) noexcept {
  const auto count = static_cast<std::int32_t>(in.size());
  for (std::int32_t i = 0; i < count; i += lane_count) {
    const std::int32_t width = std::min(lane_count, count - i);
    store_part(out.data() + i, exponential(load_part(in.data() + i, width, 0.0F)), width);
  }
}

}  // namespace veer::nn

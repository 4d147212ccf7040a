#include "env/nn/kernels/catalogue_kernels.h"

#include <algorithm>

#include "env/nn/kernels/vector_math.h"

namespace veer::nn {
namespace {

constexpr float lowest_score = -3.4e38F;

VEER_LANES_INLINE Lanes biased(const float* scores, const float* bias, std::int32_t count) noexcept {
  const Lanes score = load_part(scores, count, lowest_score);
  return bias == nullptr ? score : score + load_part(bias, count, 0.0F);
}

}  // namespace

VEER_KERNEL float add_bias(float* scores, const float* bias, std::int32_t count) noexcept {
  Lanes best = splat(lowest_score);
  for (std::int32_t i = 0; i < count; i += lane_count) {
    const std::int32_t part = std::min(lane_count, count - i);
    const Lanes score = biased(scores + i, bias == nullptr ? nullptr : bias + i, part);
    best = larger(score, best);
    if (bias != nullptr) store_part(scores + i, score, part);
  }
  return largest_of(best);
}

VEER_KERNEL float exponentials_below(float* values, float shift, std::int32_t count) noexcept {
  const std::int32_t whole = count - count % (2 * lane_count);
  const Lanes by = splat(shift);
  Lanes sum0{}, sum1{};
  std::int32_t i = 0;
  for (; i < whole; i += 2 * lane_count) {
    const Lanes e0 = exponential_of_deficit(load(values + i) - by);
    const Lanes e1 = exponential_of_deficit(load(values + i + lane_count) - by);
    store(values + i, e0);
    store(values + i + lane_count, e1);
    sum0 += e0;
    sum1 += e1;
  }
  float rest = 0.0F;
  for (; i < count; i += lane_count) {
    const std::int32_t part = std::min(lane_count, count - i);
    store_part(values + i, exponential_of_deficit(load_part(values + i, part, shift) - by), part);
    rest += sum_of(load_part(values + i, part, 0.0F));
  }
  return sum_of(sum0 + sum1) + rest;
}

VEER_KERNEL void scale_values(float* values, float factor, std::int32_t count) noexcept {
  for (std::int32_t i = 0; i < count; i += lane_count) {
    const std::int32_t part = std::min(lane_count, count - i);
    store_part(values + i, load_part(values + i, part, 0.0F) * factor, part);
  }
}

VEER_KERNEL void add_scaled(float* to, float factor, const float* from, std::int32_t count) noexcept {
  for (std::int32_t i = 0; i < count; i += lane_count) {
    const std::int32_t part = std::min(lane_count, count - i);
    store_part(to + i, load_part(to + i, part, 0.0F) + load_part(from + i, part, 0.0F) * factor, part);
  }
}

VEER_KERNEL BestScore best_score(const float* scores, const float* bias, std::int32_t count) noexcept {
  IntLanes place{}, here{};
  for (std::int32_t l = 0; l < lane_count; ++l) here[l] = l;
  Lanes best = splat(lowest_score);
  for (std::int32_t i = 0; i < count; i += lane_count, here += lane_count) {
    const Lanes score =
        biased(scores + i, bias == nullptr ? nullptr : bias + i, std::min(lane_count, count - i));
    const IntLanes better = score > best;
    place = better ? here : place;
    best = better ? score : best;
  }
  BestScore found{largest_of(best), count};
  for (std::int32_t l = 0; l < lane_count; ++l) {
    if (best[l] == found.score) found.index = std::min(found.index, place[l]);
  }
  return found;
}

VEER_KERNEL RankCount count_rank(const float* scores, const float* bias, std::int32_t count, float bound,
                                 std::int32_t before) noexcept {
  const Lanes wanted = splat(bound);
  IntLanes above{}, equal{};
  IntLanes here{};
  for (std::int32_t l = 0; l < lane_count; ++l) here[l] = l;
  for (std::int32_t i = 0; i < count; i += lane_count, here += lane_count) {
    const Lanes score =
        biased(scores + i, bias == nullptr ? nullptr : bias + i, std::min(lane_count, count - i));
    above -= score > wanted;
    equal -= (score == wanted) & (here < before);
  }
  return {sum_of(above), sum_of(equal)};
}

}  // namespace veer::nn

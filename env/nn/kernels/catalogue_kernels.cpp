#include "env/nn/kernels/catalogue_kernels.h"

#include <algorithm>

#include "env/nn/kernels/vector_math.h"

namespace veer::nn {
namespace {

constexpr float lowest_score = -3.4e38F;

// Inlined with a constant count these are whole vectors; with a variable one, what is left at the end of a
// row.

VEER_LANES_INLINE Lanes biased(const float* scores, const float* bias, std::int32_t i,
                               std::int32_t count) noexcept {
  const Lanes score = load_part(scores + i, count, lowest_score);
  return bias == nullptr ? score : score + load_part(bias + i, count, 0.0F);
}

VEER_LANES_INLINE IntLanes places_from(std::int32_t first) noexcept {
  return IntLanes{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} + first;
}

VEER_LANES_INLINE void keep_best(const Lanes& score, const IntLanes& here, Lanes& best,
                                 IntLanes& place) noexcept {
  const IntLanes better = score > best;
  place = better ? here : place;
  best = better ? score : best;
}

}  // namespace

VEER_KERNEL float add_bias(float* scores, const float* bias, std::int32_t count) noexcept {
  const std::int32_t whole = count - count % lane_count;
  Lanes best = splat(lowest_score);
  if (bias == nullptr) {
    for (std::int32_t i = 0; i < whole; i += lane_count) best = larger(load(scores + i), best);
  } else {
    for (std::int32_t i = 0; i < whole; i += lane_count) {
      const Lanes score = load(scores + i) + load(bias + i);
      store(scores + i, score);
      best = larger(score, best);
    }
  }
  if (whole < count) {
    const Lanes score = biased(scores, bias, whole, count - whole);
    store_part(scores + whole, score, count - whole);
    best = larger(score, best);
  }
  return largest_of(best);
}

VEER_KERNEL float exponentials_below(const float* from, float shift, std::int32_t count, float* to) noexcept {
  const std::int32_t whole = count - count % lane_count;
  const Lanes by = splat(shift);
  Lanes sum0{}, sum1{};
  std::int32_t i = 0;
  for (; i + lane_count < whole; i += 2 * lane_count) {
    const Lanes e0 = exponential_of_deficit(load(from + i) - by);
    const Lanes e1 = exponential_of_deficit(load(from + i + lane_count) - by);
    store(to + i, e0);
    store(to + i + lane_count, e1);
    sum0 += e0;
    sum1 += e1;
  }
  if (i < whole) {
    const Lanes e = exponential_of_deficit(load(from + i) - by);
    store(to + i, e);
    sum0 += e;
  }
  if (whole < count) {
    // Lanes that are none come out as e^-87.3.
    const Lanes e = exponential_of_deficit(load_part(from + whole, count - whole, lowest_score) - by);
    store_part(to + whole, e, count - whole);
    sum1 += e;
  }
  return sum_of(sum0 + sum1);
}

VEER_KERNEL void scale_values(float* values, float factor, std::int32_t count) noexcept {
  const std::int32_t whole = count - count % lane_count;
  for (std::int32_t i = 0; i < whole; i += lane_count) store(values + i, load(values + i) * factor);
  for (std::int32_t i = whole; i < count; ++i) values[i] *= factor;
}

VEER_KERNEL void add_scaled(float* to, float factor, const float* from, std::int32_t count) noexcept {
  const std::int32_t whole = count - count % lane_count;
  for (std::int32_t i = 0; i < whole; i += lane_count) {
    store(to + i, load(to + i) + load(from + i) * factor);
  }
  for (std::int32_t i = whole; i < count; ++i) to[i] += from[i] * factor;
}

VEER_KERNEL BestScore best_score(const float* scores, const float* bias, std::int32_t count) noexcept {
  const std::int32_t whole = count - count % lane_count;
  IntLanes place{};
  Lanes best = splat(lowest_score);
  if (bias == nullptr) {
    for (std::int32_t i = 0; i < whole; i += lane_count) {
      keep_best(load(scores + i), places_from(i), best, place);
    }
  } else {
    for (std::int32_t i = 0; i < whole; i += lane_count) {
      keep_best(load(scores + i) + load(bias + i), places_from(i), best, place);
    }
  }
  if (whole < count) {
    keep_best(biased(scores, bias, whole, count - whole), places_from(whole), best, place);
  }
  BestScore found{largest_of(best), count};
  for (std::int32_t l = 0; l < lane_count; ++l) {
    if (best[l] == found.score) found.index = std::min(found.index, place[l]);
  }
  return found;
}

// Greater and greater-or-equal only: the compiler takes vectors apart for other comparisons of floats.
VEER_KERNEL std::int32_t count_above(const float* scores, const float* bias, std::int32_t count, float bound,
                                     bool or_equal) noexcept {
  const std::int32_t whole = count - count % lane_count;
  const Lanes wanted = splat(bound);
  IntLanes above{};
  if (bias == nullptr && or_equal) {
    for (std::int32_t i = 0; i < whole; i += lane_count) above -= load(scores + i) >= wanted;
  } else if (bias == nullptr) {
    for (std::int32_t i = 0; i < whole; i += lane_count) above -= load(scores + i) > wanted;
  } else if (or_equal) {
    for (std::int32_t i = 0; i < whole; i += lane_count) {
      above -= load(scores + i) + load(bias + i) >= wanted;
    }
  } else {
    for (std::int32_t i = 0; i < whole; i += lane_count) {
      above -= load(scores + i) + load(bias + i) > wanted;
    }
  }
  std::int32_t total = sum_of(above);
  for (std::int32_t i = whole; i < count; ++i) {
    const float score = bias == nullptr ? scores[i] : scores[i] + bias[i];
    total += score > bound || (or_equal && score == bound) ? 1 : 0;
  }
  return total;
}

}  // namespace veer::nn

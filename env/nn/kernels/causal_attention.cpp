#include "env/nn/kernels/causal_attention.h"

#include <algorithm>
#include <cmath>

#include "env/nn/kernels/lane_transpose.h"
#include "env/nn/kernels/vector_math.h"

namespace veer::nn {
namespace {

constexpr float unseen = -3.4e38F;

/// to[i * padded + s] = from[s * stride + i] for one head; places past the length are zero.
void turn(const float* from, std::int32_t length, std::int32_t stride, std::int32_t head, std::int32_t padded,
          float* to) noexcept {
  for (std::int32_t i = 0; i < head; ++i) {
    for (std::int32_t s = 0; s < length; ++s) to[i * padded + s] = from[s * stride + i];
    std::fill(to + i * padded + length, to + (i + 1) * padded, 0.0F);
  }
}

void turn_back(const float* from, std::int32_t length, std::int32_t stride, std::int32_t head,
               std::int32_t padded, float* to) noexcept {
  for (std::int32_t s = 0; s < length; ++s) {
    for (std::int32_t i = 0; i < head; ++i) to[s * stride + i] = from[i * padded + s];
  }
}

/// Sums of eight vectors' lanes: folding them into one another takes a fifth of eight sums one by one.
VEER_LANES_INLINE void eight_sums(const Lanes* r, float* out) noexcept {
  Lanes two[4], four[2];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const Lanes &a = r[2 * i], &b = r[2 * i + 1];
    two[i] = __builtin_shufflevector(a, b, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30) +
             __builtin_shufflevector(a, b, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    const Lanes &a = two[2 * i], &b = two[2 * i + 1];
    four[i] = __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) +
              __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  }
  const Lanes &a = four[0], &b = four[1];
  const Lanes halves =
      __builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27) +
      __builtin_shufflevector(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
  float v[lane_count];
  std::memcpy(v, &halves, sizeof v);
  for (int i = 0; i < 8; ++i) out[i] = v[i] + v[i + 8];
}

/// The weights of one query: softmax over places low..last of scale * (q . k), times `factors` [length].
VEER_KERNEL void weigh(const float* query, const float* turned_keys, std::int32_t head, std::int32_t padded,
                       float scale, std::int32_t low, std::int32_t last, const float* factors,
                       float* weights) noexcept {
  const std::int32_t end = last / lane_count * lane_count + lane_count;
  Lanes most = splat(unseen);
  for (std::int32_t s = 0; s < end; s += lane_count) {
    Lanes score{};
    for (std::int32_t i = 0; i < head; ++i)
      score += splat(query[i] * scale) * load(turned_keys + i * padded + s);
    store(weights + s, score);
  }
  for (std::int32_t s = 0; s < low; ++s) weights[s] = unseen;
  for (std::int32_t s = last + 1; s < end; ++s) weights[s] = unseen;
  for (std::int32_t s = 0; s < end; s += lane_count) most = larger(most, load(weights + s));
  const Lanes shift = splat(largest_of(most));
  Lanes total{};
  for (std::int32_t s = 0; s < end; s += lane_count) {
    const Lanes score = load(weights + s);
    const Lanes weight = score <= splat(unseen) ? Lanes{} : exponential_of_deficit(score - shift);
    store(weights + s, weight);
    total += weight;
  }
  const float scaled = 1.0F / sum_of(total);
  for (std::int32_t s = 0; s < end; s += lane_count) {
    Lanes weight = load(weights + s) * scaled;
    if (factors != nullptr) weight *= load_part(factors + s, std::min(lane_count, last + 1 - s), 0.0F);
    store(weights + s, weight);
  }
  std::fill(weights + end, weights + padded, 0.0F);
}

VEER_KERNEL void mix(const float* weights, const float* turned_values, std::int32_t head, std::int32_t padded,
                     std::int32_t end, float* out) noexcept {
  std::int32_t i = 0;
  for (; i + 8 <= head; i += 8) {
    Lanes sums[8] = {};
    for (std::int32_t s = 0; s < end; s += lane_count) {
      const Lanes weight = load(weights + s);
#pragma GCC unroll 8
      for (int j = 0; j < 8; ++j) sums[j] += weight * load(turned_values + (i + j) * padded + s);
    }
    eight_sums(sums, out + i);
  }
  for (; i < head; ++i) {
    Lanes sum{};
    for (std::int32_t s = 0; s < end; s += lane_count)
      sum += load(weights + s) * load(turned_values + i * padded + s);
    out[i] = sum_of(sum);
  }
}

/// What one query's gradient adds to the turned gradients of keys and values, and its own.
VEER_KERNEL void spread(const float* query, const float* gradient, const float* weights,
                        const float* turned_keys, const float* turned_values, std::int32_t head,
                        std::int32_t padded, std::int32_t end, float scale, float* scores,
                        float* key_gradient, float* value_gradient, float* query_gradient) noexcept {
  Lanes dot{};
  for (std::int32_t s = 0; s < end; s += lane_count) {
    Lanes of_weight{};
    for (std::int32_t i = 0; i < head; ++i)
      of_weight += splat(gradient[i]) * load(turned_values + i * padded + s);
    store(scores + s, of_weight);
    dot += of_weight * load(weights + s);
  }
  const Lanes mean = splat(sum_of(dot));
  for (std::int32_t s = 0; s < end; s += lane_count) {
    store(scores + s, load(weights + s) * (load(scores + s) - mean) * scale);
  }
  for (std::int32_t i = 0; i < head; ++i) {
    Lanes own{};
    for (std::int32_t s = 0; s < end; s += lane_count) {
      const std::int32_t at_s = i * padded + s;
      const Lanes score = load(scores + s);
      own += score * load(turned_keys + at_s);
      store(key_gradient + at_s, load(key_gradient + at_s) + score * query[i]);
      store(value_gradient + at_s, load(value_gradient + at_s) + load(weights + s) * gradient[i]);
    }
    query_gradient[i] = sum_of(own);
  }
}

constexpr std::int32_t narrow_head = 8;

/// Sixteen queries of one head that is 8 wide, at places first .. first + 15 (beyond the last: copies of it).
struct SixteenQueries {
  std::int32_t first = 0, count = 0;
  std::int32_t query_stride = 0, key_stride = 0, out_stride = 0;
  const float *queries = nullptr, *keys = nullptr, *values = nullptr;
  const float* factors = nullptr;  ///< of the first of them, rows factor_stride apart; null: 1
  std::int32_t factor_stride = 0;
  float scale = 1.0F;
};

/// factors[s * 16 + q] of places 0 .. last.
VEER_LANES_INLINE void turn_factors(const SixteenQueries& b, std::int32_t last, float* factors) noexcept {
  for (std::int32_t s = 0; s <= last; s += lane_count) {
    Lanes block[lane_count];
    const std::int32_t n = std::min(lane_count, b.factor_stride - s);
#pragma GCC unroll 16
    for (std::int32_t q = 0; q < lane_count; ++q) {
      block[q] = load_part(b.factors + std::int64_t{std::min(q, b.count - 1)} * b.factor_stride + s, n, 0.0F);
    }
    transpose(block);
#pragma GCC unroll 16
    for (std::int32_t q = 0; q < lane_count; ++q) store(factors + (s + q) * lane_count, block[q]);
  }
}

/// `scores` and `factors`: 16 floats per place.
VEER_KERNEL void read_sixteen(const SixteenQueries& b, float* scores, float* factors, float* out) noexcept {
  // Powers of two take less than those of e: the base goes into the scale.
  const float scale = b.scale * 1.44269504F;
  float turned[narrow_head][lane_count];
  for (std::int32_t q = 0; q < lane_count; ++q) {
    const float* row = b.queries + std::int64_t{std::min(q, b.count - 1)} * b.query_stride;
    for (std::int32_t i = 0; i < narrow_head; ++i) turned[i][q] = row[i] * scale;
  }
  Lanes query[narrow_head];
#pragma GCC unroll 8
  for (std::int32_t i = 0; i < narrow_head; ++i) query[i] = load(turned[i]);
  IntLanes own;
  for (std::int32_t q = 0; q < lane_count; ++q) own[q] = q;
  const std::int32_t last = b.first + b.count - 1;
  Lanes shift = splat(unseen);
  for (std::int32_t s = 0; s <= last; ++s) {
    const float* key = b.keys + std::int64_t{s} * b.key_stride;
    Lanes score = query[0] * key[0];
#pragma GCC unroll 8
    for (std::int32_t i = 1; i < narrow_head; ++i) score += query[i] * key[i];
    if (s > b.first) score = own >= s - b.first ? score : splat(unseen);
    shift = larger(score, shift);
    store(scores + s * lane_count, score);
  }
  if (b.factors != nullptr) turn_factors(b, last, factors);
  Lanes total{}, sum[narrow_head] = {};
  for (std::int32_t s = 0; s <= last; ++s) {
    // What lies far below the largest score is as good as nothing.
    Lanes weight = power_of_two_in_range(larger(load(scores + s * lane_count) - shift, splat(-126.0F)));
    total += weight;
    if (b.factors != nullptr) weight *= load(factors + s * lane_count);
    const float* value = b.values + std::int64_t{s} * b.key_stride;
#pragma GCC unroll 8
    for (std::int32_t i = 0; i < narrow_head; ++i) sum[i] += weight * value[i];
  }
  const Lanes inverse = 1.0F / total;
#pragma GCC unroll 8
  for (std::int32_t i = 0; i < narrow_head; ++i) store(turned[i], sum[i] * inverse);
  for (std::int32_t q = 0; q < b.count; ++q) {
    for (std::int32_t i = 0; i < narrow_head; ++i) out[std::int64_t{q} * b.out_stride + i] = turned[i][q];
  }
}

}  // namespace

void read_causal(const AttentionShape& shape, const float* queries, const float* keys, const float* values,
                 std::vector<float>& scratch, float* out, const float* factors) {
  const std::int32_t head = shape.width / shape.heads;
  if (head != narrow_head || shape.queries() < narrow_head) {
    std::vector<float> weights(static_cast<std::size_t>(shape.weights()));
    attend_causal(shape, queries, keys, values, scratch, weights.data(), out, factors);
    return;
  }
  const auto places = static_cast<std::size_t>(shape.padded()) * lane_count;
  scratch.resize(2 * places);
  SixteenQueries block;
  block.query_stride = shape.query_stride;
  block.key_stride = shape.key_stride;
  block.out_stride = shape.width;
  block.factor_stride = shape.length;
  block.scale = 1.0F / std::sqrt(static_cast<float>(head));
  for (std::int32_t h = 0; h < shape.heads; ++h) {
    block.keys = keys + h * head;
    block.values = values + h * head;
    for (std::int32_t q = 0; q < shape.queries(); q += lane_count) {
      block.first = shape.first_query + q;
      block.count = std::min(lane_count, shape.queries() - q);
      block.queries = queries + std::int64_t{q} * shape.query_stride + h * head;
      if (factors != nullptr) {
        block.factors = factors + (std::int64_t{h} * shape.queries() + q) * shape.length;
      }
      read_sixteen(block, scratch.data(), scratch.data() + places,
                   out + std::int64_t{q} * shape.width + h * head);
    }
  }
}

void attend_causal(const AttentionShape& shape, const float* queries, const float* keys, const float* values,
                   std::vector<float>& scratch, float* weights, float* out, const float* factors) {
  const std::int32_t head = shape.width / shape.heads, padded = shape.padded();
  const float scale = 1.0F / std::sqrt(static_cast<float>(head));
  scratch.resize(static_cast<std::size_t>(2 * head * padded));
  float* turned_keys = scratch.data();
  float* turned_values = turned_keys + head * padded;
  for (std::int32_t h = 0; h < shape.heads; ++h) {
    turn(keys + h * head, shape.length, shape.key_stride, head, padded, turned_keys);
    turn(values + h * head, shape.length, shape.key_stride, head, padded, turned_values);
    for (std::int32_t q = 0; q < shape.queries(); ++q, weights += padded) {
      const std::int32_t last = shape.first_query + q;
      weigh(queries + std::int64_t{q} * shape.query_stride + h * head, turned_keys, head, padded, scale,
            std::min(shape.first_visible, last), last, factors, weights);
      if (factors != nullptr) factors += shape.length;
      mix(weights, turned_values, head, padded, last / lane_count * lane_count + lane_count,
          out + std::int64_t{q} * shape.width + h * head);
    }
  }
}

void attend_causal_backward(const AttentionShape& shape, const float* queries, const float* keys,
                            const float* values, const float* weights, const float* out_gradient,
                            std::vector<float>& scratch, float* query_gradient, float* key_gradient,
                            float* value_gradient) {
  const std::int32_t head = shape.width / shape.heads, padded = shape.padded();
  const float scale = 1.0F / std::sqrt(static_cast<float>(head));
  const auto block = static_cast<std::size_t>(head * padded);
  scratch.resize(4 * block + static_cast<std::size_t>(padded));
  float* turned_keys = scratch.data();
  float* turned_values = turned_keys + block;
  float* of_keys = turned_values + block;
  float* of_values = of_keys + block;
  float* scores = of_values + block;
  for (std::int32_t h = 0; h < shape.heads; ++h) {
    turn(keys + h * head, shape.length, shape.key_stride, head, padded, turned_keys);
    turn(values + h * head, shape.length, shape.key_stride, head, padded, turned_values);
    std::fill(of_keys, scores, 0.0F);
    for (std::int32_t q = 0; q < shape.queries(); ++q, weights += padded) {
      const std::int32_t end = (shape.first_query + q) / lane_count * lane_count + lane_count;
      const std::int64_t row = std::int64_t{q} * shape.query_stride + h * head;
      spread(queries + row, out_gradient + std::int64_t{q} * shape.width + h * head, weights, turned_keys,
             turned_values, head, padded, end, scale, scores, of_keys, of_values, query_gradient + row);
    }
    turn_back(of_keys, shape.length, shape.key_stride, head, padded, key_gradient + h * head);
    turn_back(of_values, shape.length, shape.key_stride, head, padded, value_gradient + h * head);
  }
}

}  // namespace veer::nn

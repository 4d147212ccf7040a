#include "env/nn/kernels/sequence_kernels.h"

#include <algorithm>
#include <cmath>

#include "env/nn/kernels/vector_math.h"

namespace veer::nn {
namespace {

VEER_LANES_INLINE std::int32_t part(std::int32_t width, std::int32_t from) noexcept {
  return std::min(lane_count, width - from);
}

/// Normalises a row in place: mean and variance in two passes, because their difference of squares would
/// cancel.
VEER_LANES_INLINE void normalise(float* row, std::int32_t width, const float* gain, const float* offset,
                                 float epsilon) noexcept {
  const auto count = static_cast<float>(width);
  Lanes sum{};
  for (std::int32_t c = 0; c < width; c += lane_count) sum += load_part(row + c, part(width, c), 0.0F);
  const float mean = sum_of(sum) / count;
  Lanes squares{};
  for (std::int32_t c = 0; c < width; c += lane_count) {
    const Lanes d = load_part(row + c, part(width, c), mean) - mean;
    squares += d * d;
  }
  const float scale = 1.0F / std::sqrt(sum_of(squares) / count + epsilon);
  for (std::int32_t c = 0; c < width; c += lane_count) {
    const std::int32_t n = part(width, c);
    const Lanes d = (load_part(row + c, n, 0.0F) - mean) * scale;
    store_part(row + c, d * load_part(gain + c, n, 0.0F) + load_part(offset + c, n, 0.0F), n);
  }
}

}  // namespace

VEER_KERNEL void embed_rows(const float* items, const float* positions, const std::int32_t* item,
                            const std::int32_t* position, std::int32_t rows, std::int32_t width,
                            const float* gain, const float* offset, float epsilon, float* out,
                            const float* factors) noexcept {
  for (std::int32_t r = 0; r < rows; ++r, out += width) {
    const float* a = items + std::int64_t{item[r]} * width;
    const float* b = positions + std::int64_t{position[r]} * width;
    for (std::int32_t c = 0; c < width; c += lane_count) {
      const std::int32_t n = part(width, c);
      Lanes sum = load_part(a + c, n, 0.0F) + load_part(b + c, n, 0.0F);
      if (factors != nullptr) sum *= load_part(factors + std::int64_t{r} * width + c, n, 0.0F);
      store_part(out + c, sum, n);
    }
    normalise(out, width, gain, offset, epsilon);
  }
}

VEER_KERNEL void add_and_normalise(const float* y, const float* bias, std::int32_t rows, std::int32_t width,
                                   const float* gain, const float* offset, float epsilon, float* x,
                                   const float* factors) noexcept {
  for (std::int32_t r = 0; r < rows; ++r, y += width, x += width) {
    for (std::int32_t c = 0; c < width; c += lane_count) {
      const std::int32_t n = part(width, c);
      Lanes sum = load_part(y + c, n, 0.0F) + load_part(bias + c, n, 0.0F);
      if (factors != nullptr) sum *= load_part(factors + std::int64_t{r} * width + c, n, 0.0F);
      store_part(x + c, sum + load_part(x + c, n, 0.0F), n);
    }
    normalise(x, width, gain, offset, epsilon);
  }
}

VEER_KERNEL void add_gelu(float* x, const float* bias, std::int32_t rows, std::int32_t width) noexcept {
  for (std::int32_t r = 0; r < rows; ++r, x += width) {
    for (std::int32_t c = 0; c < width; c += lane_count) {
      const std::int32_t n = part(width, c);
      store_part(x + c, gelu_of(load_part(x + c, n, 0.0F) + load_part(bias + c, n, 0.0F)), n);
    }
  }
}

VEER_KERNEL void add_relu(float* x, const float* bias, std::int32_t rows, std::int32_t width) noexcept {
  for (std::int32_t r = 0; r < rows; ++r, x += width) {
    for (std::int32_t c = 0; c < width; c += lane_count) {
      const std::int32_t n = part(width, c);
      store_part(x + c, larger(load_part(x + c, n, 0.0F) + load_part(bias + c, n, 0.0F), Lanes{}), n);
    }
  }
}

VEER_KERNEL void attend(const float* queries, std::int32_t rows, std::int32_t width, std::int32_t heads,
                        const AttentionForm& form, const KeyValueRows& shared, const KeyValueRows& own,
                        float* scratch, float* out) noexcept {
  constexpr float lowest = -3.4e38F;
  const std::int32_t head = width / heads;
  const KeyValueRows* sources[2] = {&shared, &own};
  for (std::int32_t r = 0; r < rows; ++r) {
    for (std::int32_t h = 0; h < heads; ++h) {
      const float* q = queries + std::int64_t{r} * width + h * head;
      std::int32_t keys = 0;
      for (const KeyValueRows* source : sources) {
        const std::int32_t length = source->length == nullptr ? 0 : source->length[r];
        if (length == 0) continue;
        const float* bias = source == &own && form.bias != nullptr
                                ? form.bias + std::int64_t{h} * form.stride + length - 1
                                : nullptr;
        const float* k = source->keys + std::int64_t{source->slot[r]} * source->positions * width + h * head;
        for (std::int32_t t = 0; t < length; ++t, k += width) {
          Lanes product{};
          for (std::int32_t c = 0; c < head; c += lane_count) {
            const std::int32_t n = part(head, c);
            product += load_part(q + c, n, 0.0F) * load_part(k + c, n, 0.0F);
          }
          scratch[keys++] = sum_of(product) * form.scale + (bias == nullptr ? 0.0F : bias[-t]);
        }
      }
      store(scratch + keys, splat(lowest));  // whole vectors below: what lies past the keys weighs nothing
      Lanes best = splat(lowest);
      for (std::int32_t t = 0; t < keys; t += lane_count) best = larger(load(scratch + t), best);
      const Lanes shift = splat(largest_of(best));
      Lanes total{};
      for (std::int32_t t = 0; t < keys; t += lane_count) {
        const Lanes weight = exponential(load(scratch + t) - shift);
        store(scratch + t, weight);
        total += weight;
      }
      const float inverse = 1.0F / sum_of(total);
      float* result = out + std::int64_t{r} * width + h * head;
      for (std::int32_t c = 0; c < head; c += lane_count) {
        const std::int32_t n = part(head, c);
        Lanes sum{};
        const float* weight = scratch;
        for (const KeyValueRows* source : sources) {
          const std::int32_t length = source->length == nullptr ? 0 : source->length[r];
          if (length == 0) continue;
          const float* v =
              source->values + std::int64_t{source->slot[r]} * source->positions * width + h * head + c;
          for (std::int32_t t = 0; t < length; ++t, v += width) sum += *weight++ * load_part(v, n, 0.0F);
        }
        store_part(result + c, sum * inverse, n);
      }
    }
  }
}

VEER_KERNEL void rms_normalise(const float* x, std::int32_t rows, std::int32_t width, const float* gain,
                               float epsilon, float* out) noexcept {
  for (std::int32_t r = 0; r < rows; ++r, x += width, out += width) {
    Lanes squares{};
    for (std::int32_t c = 0; c < width; c += lane_count) {
      const Lanes value = load_part(x + c, part(width, c), 0.0F);
      squares += value * value;
    }
    const float scale = 1.0F / std::sqrt(sum_of(squares) / static_cast<float>(width) + epsilon);
    for (std::int32_t c = 0; c < width; c += lane_count) {
      const std::int32_t n = part(width, c);
      store_part(out + c, load_part(x + c, n, 0.0F) * scale * load_part(gain + c, n, 0.0F), n);
    }
  }
}

VEER_KERNEL void gru_update(const float* input, const float* hidden, std::int32_t rows, std::int32_t width,
                            float* state) noexcept {
  for (std::int32_t r = 0; r < rows; ++r, input += 3 * width, hidden += 3 * width, state += width) {
    for (std::int32_t c = 0; c < width; c += lane_count) {
      const std::int32_t n = part(width, c);
      const Lanes input_r = load_part(input + c, n, 0.0F), hidden_r = load_part(hidden + c, n, 0.0F);
      const Lanes input_z = load_part(input + width + c, n, 0.0F);
      const Lanes hidden_z = load_part(hidden + width + c, n, 0.0F);
      const Lanes input_n = load_part(input + 2 * width + c, n, 0.0F);
      const Lanes hidden_n = load_part(hidden + 2 * width + c, n, 0.0F);
      const Lanes old = load_part(state + c, n, 0.0F);
      const Lanes candidate = tanh_of(input_n + sigmoid_of(input_r + hidden_r) * hidden_n);
      const Lanes update = sigmoid_of(input_z + hidden_z);
      store_part(state + c, candidate + update * (old - candidate), n);
    }
  }
}

}  // namespace veer::nn

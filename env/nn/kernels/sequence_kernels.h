// The parts of SASRec and GRU4Rec that are not matrix products, over rows of floats: fused, without
// temporaries.
//
// Thread-safety: pure functions over the caller's memory. Determinism: a row's result depends on that row
// alone.
#pragma once

#include <cstdint>

namespace veer::nn {

/// out[r] = LayerNorm((items[item[r]] + positions[position[r]]) * factors[r]). Tables are row-major with
/// `width` columns. `factors` [rows, width] are those of dropout; null: 1.
void embed_rows(const float* items, const float* positions, const std::int32_t* item,
                const std::int32_t* position, std::int32_t rows, std::int32_t width, const float* gain,
                const float* offset, float epsilon, float* out, const float* factors = nullptr) noexcept;

/// x[r] = LayerNorm((y[r] + bias) * factors[r] + x[r]): the end of an attention or feed-forward block.
/// `factors` as above.
void add_and_normalise(const float* y, const float* bias, std::int32_t rows, std::int32_t width,
                       const float* gain, const float* offset, float epsilon, float* x,
                       const float* factors = nullptr) noexcept;

/// x[r] = gelu(x[r] + bias).
void add_gelu(float* x, const float* bias, std::int32_t rows, std::int32_t width) noexcept;
/// x[r] = max(0, x[r] + bias).
void add_relu(float* x, const float* bias, std::int32_t rows, std::int32_t width) noexcept;

/// Keys and values of many sequences: row (slot, t) starts at (slot * positions + t) * width.
struct KeyValueRows {
  const float* keys = nullptr;
  const float* values = nullptr;
  std::int32_t positions = 0;
  const std::int32_t* slot = nullptr;    ///< [rows] the sequence a query reads
  const std::int32_t* length = nullptr;  ///< [rows] how many of its first positions
};

/// What becomes of the products of queries and keys before the softmax.
struct AttentionForm {
  float scale = 1.0F;
  /// Added to the scores of `own`: value [h, a] of [heads, stride] for head h and the key a places before the
  /// last one. Null: nothing.
  const float* bias = nullptr;
  std::int32_t stride = 0;
};

/// Multi-head attention of single queries: each row reads `shared` and then `own` (either may have length 0,
/// not both). queries and out: [rows, width]. scratch: shared.positions + own.positions + 32 floats.
void attend(const float* queries, std::int32_t rows, std::int32_t width, std::int32_t heads,
            const AttentionForm& form, const KeyValueRows& shared, const KeyValueRows& own, float* scratch,
            float* out) noexcept;

/// out[r] = gain * x[r] / sqrt(mean(x[r]^2) + epsilon) (Zhang and Sennrich, "Root mean square layer
/// normalization", NeurIPS 2019).
void rms_normalise(const float* x, std::int32_t rows, std::int32_t width, const float* gain, float epsilon,
                   float* out) noexcept;

/// GRU update without biases: input and hidden are [rows, 3 * width] products in gate order r, z, n;
/// state [rows, width] is replaced by (1 - z) n + z state with n = tanh(input_n + r hidden_n).
void gru_update(const float* input, const float* hidden, std::int32_t rows, std::int32_t width,
                float* state) noexcept;

}  // namespace veer::nn

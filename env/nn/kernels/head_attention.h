// Causal attention of one head over one sequence, forward only, for heads as wide as one or two vector
// registers: four queries at a time share every key and value that is loaded. Torch-free.
//
// Thread-safety: pure functions over the caller's memory. Determinism: a query's result depends on its own
// sequence alone; sums run over the keys in their order.
#pragma once

#include <cstdint>
#include <vector>

namespace veer::nn {

/// One head of one sequence. Rows of queries, keys and values are `stride` apart, those of `out`
/// `out_stride`.
struct HeadAttention {
  std::int32_t length = 0;  ///< positions
  std::int32_t first = 0;   ///< queries are those of positions first .. length - 1
  std::int32_t width = 16;  ///< of the head: 16 or 32
  std::int64_t stride = 0;
  std::int64_t out_stride = 0;
  /// Multiplies the weights after the softmax, as dropout does: value [t * mask_stride + s] for query t and
  /// key s. Null: nothing.
  const float* mask = nullptr;
  std::int64_t mask_stride = 0;
};

/// out[t] = sum over s <= t of mask[t, s] softmax_s(q_t . k_s / sqrt(width)) v_s for every query t; row t of
/// `out` stands at t * out_stride. REQUIRES: width is 16 or 32, 0 <= first <= length.
void attend_head(const HeadAttention& head, const float* queries, const float* keys, const float* values,
                 std::vector<float>& scratch, float* out);

}  // namespace veer::nn

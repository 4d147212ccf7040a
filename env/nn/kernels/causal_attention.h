// Causal multi-head attention over one whole sequence with heads narrower than a vector register, forward and
// backward: lanes run over the keys, not over a head's few values. Torch-free.
//
// Thread-safety: pure functions over the caller's memory. Determinism: every reduction has one fixed order; a
// sequence's result depends on that sequence alone.
#pragma once

#include <cstdint>
#include <vector>

namespace veer::nn {

struct AttentionShape {
  std::int32_t length = 0;         ///< keys and values
  std::int32_t first_query = 0;    ///< queries are those of positions first_query .. length - 1
  std::int32_t first_visible = 0;  ///< keys before it are seen by nobody but by queries at their own place
  std::int32_t heads = 1;
  std::int32_t width = 0;         ///< of all heads together; rows of every matrix are `width` apart
  std::int32_t query_stride = 0;  ///< between rows of queries
  std::int32_t key_stride = 0;    ///< between rows of keys, and of values

  std::int32_t queries() const noexcept { return length - first_query; }
  /// Keys rounded up to whole vectors.
  std::int32_t padded() const noexcept { return (length + 15) / 16 * 16; }
  /// Values in the weights of one sequence: [heads, queries, padded].
  std::int64_t weights() const noexcept { return std::int64_t{heads} * queries() * padded(); }
};

/// out[t] = sum_s softmax_s(q_t . k_s / sqrt(width / heads)) v_s over the visible s <= t, head by head; the
/// weights are left in `weights`. out: [queries, width]. `factors` [heads, queries, length] multiply the
/// weights after the softmax (dropout); null: nothing.
void attend_causal(const AttentionShape& shape, const float* queries, const float* keys, const float* values,
                   std::vector<float>& scratch, float* weights, float* out, const float* factors = nullptr);

/// The same out where nobody asks for the weights and everything before a query is visible (first_visible 0):
/// sixteen queries at a time where heads are 8 wide, so that nothing is summed across lanes.
void read_causal(const AttentionShape& shape, const float* queries, const float* keys, const float* values,
                 std::vector<float>& scratch, float* out, const float* factors = nullptr);

/// REQUIRES: weights of a pass without factors. From the gradient of out, [queries, width], to those of
/// queries [queries], keys and values [length], rows as far apart as the inputs'; what stood there is
/// replaced.
void attend_causal_backward(const AttentionShape& shape, const float* queries, const float* keys,
                            const float* values, const float* weights, const float* out_gradient,
                            std::vector<float>& scratch, float* query_gradient, float* key_gradient,
                            float* value_gradient);

}  // namespace veer::nn

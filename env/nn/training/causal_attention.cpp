#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "env/nn/kernels/causal_attention.h"
#include "env/nn/training/causal_attention_net.h"

namespace veer::nn {
namespace {

AttentionShape attention_shape(const torch::Tensor& queries, const torch::Tensor& keys_values,
                               const torch::Tensor& first_visible, std::int64_t heads, std::int64_t row) {
  const auto length = static_cast<std::int32_t>(keys_values.size(1)),
             width = static_cast<std::int32_t>(queries.size(2));
  AttentionShape shape;
  shape.length = length;
  shape.first_query = length - static_cast<std::int32_t>(queries.size(1));
  shape.first_visible = static_cast<std::int32_t>(first_visible.data_ptr<std::int64_t>()[row]);
  shape.heads = static_cast<std::int32_t>(heads);
  shape.width = width;
  shape.query_stride = width;
  shape.key_stride = 2 * width;
  return shape;
}

class CausalAttention : public torch::autograd::Function<CausalAttention> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& queries,
                               const torch::Tensor& keys_values, const torch::Tensor& first_visible,
                               std::int64_t heads) {
    const std::int64_t n = queries.size(0), width = queries.size(2);
    const std::int64_t per_row = attention_shape(queries, keys_values, first_visible, heads, 0).weights();
    torch::Tensor out = torch::empty_like(queries), weights = torch::empty({n, per_row});
    std::vector<float> scratch;
    for (std::int64_t r = 0; r < n; ++r) {
      const AttentionShape shape = attention_shape(queries, keys_values, first_visible, heads, r);
      const float* keys = keys_values.data_ptr<float>() + r * keys_values.size(1) * 2 * width;
      attend_causal(shape, queries.data_ptr<float>() + r * queries.size(1) * width, keys, keys + width,
                    scratch, weights.data_ptr<float>() + r * per_row,
                    out.data_ptr<float>() + r * queries.size(1) * width);
    }
    context->save_for_backward({queries, keys_values, weights, first_visible});
    context->saved_data["heads"] = heads;
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const torch::autograd::variable_list saved = context->get_saved_variables();
    const torch::Tensor &queries = saved[0], &keys_values = saved[1], &weights = saved[2];
    const torch::Tensor gradient = gradients[0].contiguous();
    const std::int64_t heads = context->saved_data["heads"].toInt();
    const std::int64_t n = queries.size(0), width = queries.size(2);
    torch::Tensor of_queries = torch::empty_like(queries), of_keys = torch::empty_like(keys_values);
    std::vector<float> scratch;
    for (std::int64_t r = 0; r < n; ++r) {
      const std::int64_t query = r * queries.size(1) * width, key = r * keys_values.size(1) * 2 * width;
      const float* keys = keys_values.data_ptr<float>() + key;
      attend_causal_backward(
          attention_shape(queries, keys_values, saved[3], heads, r), queries.data_ptr<float>() + query, keys,
          keys + width, weights.data_ptr<float>() + r * weights.size(1), gradient.data_ptr<float>() + query,
          scratch, of_queries.data_ptr<float>() + query, of_keys.data_ptr<float>() + key,
          of_keys.data_ptr<float>() + key + width);
    }
    return {of_queries, of_keys, {}, {}};
  }
};

}  // namespace

torch::Tensor causal_attention(const torch::Tensor& queries, const torch::Tensor& keys_values,
                               const torch::Tensor& first_visible, std::int64_t heads) {
  return CausalAttention::apply(queries.contiguous(), keys_values.contiguous(), first_visible, heads);
}

}  // namespace veer::nn

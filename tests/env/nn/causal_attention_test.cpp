#include "env/nn/kernels/causal_attention.h"
#include "env/nn/training/causal_attention_net.h"

#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <vector>

#include "env/random.h"
#include "tests/test.h"

namespace veer::nn {
namespace {

torch::Tensor normals(std::vector<std::int64_t> shape, std::uint32_t salt) {
  torch::Tensor out = torch::empty(shape);
  fill_normal({5, salt, 0}, Stream::generate, {out.data_ptr<float>(), static_cast<std::size_t>(out.numel())});
  return out;
}

/// The same by operations of LibTorch.
torch::Tensor straightforward(const torch::Tensor& queries, const torch::Tensor& keys_values,
                              const std::vector<std::int64_t>& first, std::int64_t heads) {
  const std::int64_t n = queries.size(0), q = queries.size(1), t = keys_values.size(1), d = queries.size(2);
  const auto apart = [&](const torch::Tensor& x) {
    return x.reshape({n, -1, heads, d / heads}).transpose(1, 2);
  };
  torch::Tensor bias = torch::zeros({n, 1, q, t});
  for (std::int64_t r = 0; r < n; ++r) {
    for (std::int64_t i = 0; i < q; ++i) {
      const std::int64_t own = t - q + i;
      for (std::int64_t s = 0; s < t; ++s) {
        if (s > own || s < std::min(first[static_cast<std::size_t>(r)], own)) bias[r][0][i][s] = -1e9F;
      }
    }
  }
  const torch::Tensor scores =
      torch::matmul(apart(queries), apart(keys_values.narrow(2, 0, d)).transpose(-1, -2)) /
          std::sqrt(double(d) / double(heads)) +
      bias;
  return torch::matmul(torch::softmax(scores, -1), apart(keys_values.narrow(2, d, d)))
      .transpose(1, 2)
      .reshape({n, q, d});
}

}  // namespace

TEST_CASE("causal attention and its gradients are those of the straightforward way") {
  for (const auto& [length, queries] :
       {std::pair{50, 50}, std::pair{17, 17}, std::pair{33, 1}, std::pair{1, 1}}) {
    for (const auto& [width, heads] : {std::pair{32, 4}, std::pair{12, 3}, std::pair{20, 1}}) {
      const torch::Tensor q = normals({3, queries, width}, 1).requires_grad_();
      const torch::Tensor kv = normals({3, length, 2 * width}, 2).requires_grad_();
      const std::vector<std::int64_t> first{0, length / 2, length - 1};
      const torch::Tensor begins = torch::tensor(first, torch::kInt64);
      const torch::Tensor weight = normals({3, queries, width}, 3);
      const torch::Tensor own = causal_attention(q, kv, begins, heads);
      const torch::Tensor expected = straightforward(q, kv, first, heads);
      CHECK((own - expected).abs().max().item<float>() < 1e-5F);
      const auto found = torch::autograd::grad({(own * weight).sum()}, {q, kv});
      const auto wanted = torch::autograd::grad({(expected * weight).sum()}, {q, kv});
      for (std::size_t i = 0; i < 2; ++i) CHECK((found[i] - wanted[i]).abs().max().item<float>() < 2e-5F);
    }
  }
}

TEST_CASE("attention that is only read is the same, factors of dropout included") {
  for (const auto& [length, queries] :
       {std::pair{50, 50}, std::pair{17, 17}, std::pair{33, 12}, std::pair{16, 16}, std::pair{33, 1}}) {
    for (const auto& [width, heads] : {std::pair{32, 4}, std::pair{24, 3}, std::pair{12, 3}}) {
      AttentionShape shape;
      shape.length = length;
      shape.first_query = length - queries;
      shape.heads = heads;
      shape.width = shape.query_stride = width;
      shape.key_stride = 2 * width;
      const torch::Tensor q = normals({queries, width}, 1) * 3.0, kv = normals({length, 2 * width}, 2);
      const torch::Tensor factors = normals({heads, queries, length}, 3).abs();
      for (const bool drops : {false, true}) {
        std::vector<float> scratch, weights(static_cast<std::size_t>(shape.weights()));
        torch::Tensor out = torch::zeros({queries, width}), again = torch::zeros({queries, width});
        const float *keys = kv.data_ptr<float>(), *f = drops ? factors.data_ptr<float>() : nullptr;
        attend_causal(shape, q.data_ptr<float>(), keys, keys + width, scratch, weights.data(),
                      out.data_ptr<float>(), f);
        read_causal(shape, q.data_ptr<float>(), keys, keys + width, scratch, again.data_ptr<float>(), f);
        CHECK((out - again).abs().max().item<float>() < 1e-5F);
        // By operations of LibTorch: softmax, factors, values.
        const auto apart = [&, w = width, h = heads](const torch::Tensor& x) {
          return x.reshape({x.size(0), h, w / h}).transpose(0, 1);
        };
        torch::Tensor scores = torch::matmul(apart(q), apart(kv.narrow(1, 0, width)).transpose(-1, -2)) /
                               std::sqrt(double(width) / double(heads));
        const torch::Tensor later = torch::ones({queries, length}, torch::kBool).triu(length - queries + 1);
        torch::Tensor shares = torch::softmax(scores.masked_fill(later, -INFINITY), -1);
        if (drops) shares = shares * factors;
        const torch::Tensor expected = torch::matmul(shares, apart(kv.narrow(1, width, width)))
                                           .transpose(0, 1)
                                           .reshape({queries, width});
        CHECK((again - expected).abs().max().item<float>() < 1e-5F);
      }
    }
  }
}

}  // namespace veer::nn

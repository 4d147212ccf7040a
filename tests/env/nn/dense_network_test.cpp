// Networks without a graph against LibTorch's.
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "agents/networks/mlp_net.h"
#include "env/nn/dense/dense_network.h"
#include "env/random.h"
#include "tests/test.h"

namespace veer::nn {
namespace {

std::vector<float> drawn(std::size_t count, std::uint64_t place) {
  std::vector<float> out(count);
  fill_normal({3, place, 0}, Stream::generate, out);
  return out;
}

TEST_CASE("products: panels, remainders, strides, and what follows") {
  for (const auto& [m, n, k] : {std::tuple{1, 1, 1}, {8, 32, 4}, {9, 33, 7}, {37, 50, 20}, {16, 16, 64}}) {
    CAPTURE(m);
    CAPTURE(n);
    CAPTURE(k);
    const std::vector<float> a = drawn(at(m * k), 1), b = drawn(at(k * n), 2), bias = drawn(at(n), 3);
    const std::vector<float> mask = drawn(at(m * n), 4), before = drawn(at(m * n), 5);
    std::vector<double> plain(at(m * n));
    for (int i = 0; i < m; ++i) {
      for (int j = 0; j < n; ++j) {
        for (int p = 0; p < k; ++p)
          plain[at(i * n + j)] += double{a[at(i * k + p)]} * double{b[at(p * n + j)]};
      }
    }
    std::vector<float> a_turned(a.size()), b_turned(b.size());
    for (int i = 0; i < m; ++i) {
      for (int p = 0; p < k; ++p) a_turned[at(p * m + i)] = a[at(i * k + p)];
    }
    for (int p = 0; p < k; ++p) {
      for (int j = 0; j < n; ++j) b_turned[at(j * k + p)] = b[at(p * n + j)];
    }
    Panels panels, from_turned;
    panels.pack(b.data(), n, 1, k, n);
    from_turned.pack(b_turned.data(), 1, k, k, n);
    std::vector<float> one(at(m * n)), two(one), full(before);
    multiply(a.data(), k, 1, m, panels, {}, one.data(), n);
    multiply(a_turned.data(), 1, m, m, from_turned, {}, two.data(), n);
    multiply(a.data(), k, 1, m, panels, {.add = true, .bias = bias.data(), .relu = true, .mask = mask.data()},
             full.data(), n);
    CHECK(one == two);
    for (std::size_t i = 0; i < one.size(); ++i) {
      CHECK(double{one[i]} == doctest::Approx(plain[i]).epsilon(1e-5));
      const double expected = plain[i] + double{bias[i % at(n)]} + double{before[i]};
      CHECK(double{full[i]} == doctest::Approx(mask[i] > 0.0F ? std::max(0.0, expected) : 0.0).epsilon(1e-5));
    }
    // A row's bits do not depend on where it stands.
    std::vector<float> alone(at(n));
    multiply(a.data() + (m - 1) * k, k, 1, 1, panels, {}, alone.data(), n);
    CHECK(std::equal(alone.begin(), alone.end(), one.end() - n));
  }
}

TEST_CASE("a network's outputs and gradients are LibTorch's") {
  for (const std::int32_t outputs : {1, 5}) {
    const std::vector<std::int64_t> widths{7, 40, 33, outputs};
    std::vector<ParameterLayout> layout;
    add_dense_layout(layout, "q", widths);
    const NetworkParameters net = initial_parameters(layout, 9, "cpu");
    std::vector<float> flat;
    for (const auto& entry : net.parameters) {
      const torch::Tensor values = entry.second.contiguous().view(-1);
      flat.insert(flat.end(), values.data_ptr<float>(), values.data_ptr<float>() + values.numel());
      entry.second.requires_grad_();
    }
    constexpr std::int32_t rows = 19;
    std::vector<float> inputs = drawn(rows * 7, 6), pull = drawn(at(rows * outputs), 7);
    const torch::Tensor x = torch::from_blob(inputs.data(), {rows, 7}).clone().requires_grad_();
    const torch::Tensor y = mlp(net, "q", x, 3);
    (y * torch::from_blob(pull.data(), {rows, outputs})).sum().backward();

    PackedDense packed({7, 40, 33, outputs});
    CHECK(packed.parameters() == static_cast<std::int64_t>(flat.size()));
    packed.pack(flat, true);
    DensePass pass;
    const std::span<const float> found = pass.forward(packed, inputs.data(), rows);
    const auto same = [](const torch::Tensor& expected, std::span<const float> values) {
      const torch::Tensor e = expected.contiguous().view(-1);
      for (std::size_t i = 0; i < values.size(); ++i) {
        CHECK(std::abs(e.data_ptr<float>()[i] - values[i]) < 1e-5F * (1.0F + std::abs(values[i])));
      }
    };
    same(y.detach(), found);
    std::vector<float> gradient(flat.size()), twice(flat.size(), 1.0F), back(rows * 7);
    pass.backward(packed, pull.data(), gradient.data(), false, back.data());
    same(x.grad(), back);
    std::size_t first = 0;
    for (const auto& entry : net.parameters) {
      same(entry.second.grad(), std::span<const float>(gradient).subspan(first, at(entry.second.numel())));
      first += at(entry.second.numel());
    }
    pass.backward(packed, pull.data(), twice.data(), true, nullptr);
    for (std::size_t i = 0; i < flat.size(); ++i) CHECK(twice[i] == doctest::Approx(gradient[i] + 1.0F));
  }
}

}  // namespace
}  // namespace veer::nn

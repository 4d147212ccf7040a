#include "env/nn/dense/dense_network.h"

#include <algorithm>
#include <cmath>

#include "env/nn/kernels/vector_math.h"

namespace veer::nn {
namespace {

/// out[j] (+)= the sum of column j of `values` [rows, columns].
VEER_KERNEL void sum_columns(const float* values, std::int32_t rows, std::int32_t columns, bool add,
                             float* out) {
  if (!add) std::fill(out, out + columns, 0.0F);
  for (std::int32_t r = 0; r < rows; ++r) {
    const float* row = values + std::int64_t{r} * columns;
    for (std::int32_t j = 0; j < columns; ++j) out[j] += row[j];
  }
}

void grow(std::vector<float>& values, std::int64_t size) {
  if (values.size() < static_cast<std::size_t>(size)) values.resize(static_cast<std::size_t>(size));
}

}  // namespace

void add_dense_layout(std::vector<ParameterLayout>& out, const std::string& name,
                      std::span<const std::int64_t> widths) {
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    const auto reach = static_cast<float>(1.0 / std::sqrt(static_cast<double>(widths[i])));
    const std::string layer = name + "." + std::to_string(i);
    out.push_back({layer + ".weight", {widths[i + 1], widths[i]}, Initial::uniform, reach});
    out.push_back({layer + ".bias", {widths[i + 1]}, Initial::uniform, reach});
  }
}

PackedDense::PackedDense(std::vector<std::int32_t> widths) : widths_(std::move(widths)) {
  for (std::int32_t l = 0; l < layers(); ++l) {
    first_.push_back(size_);
    size_ += (std::int64_t{width(l)} + 1) * width(l + 1);
  }
  onward_.resize(at(layers()));
  back_.resize(at(layers()));
}

void PackedDense::pack(std::span<const float> parameters, bool backward) {
  from_ = parameters.data();
  for (std::int32_t l = 0; l < layers(); ++l) {
    const std::int32_t in = width(l), out = width(l + 1);
    const bool inner_product = out == 1 && l + 1 == layers();
    if (!inner_product) onward_[at(l)].pack(weight(l), 1, in, in, out);
    if (backward) back_[at(l)].pack(weight(l), in, 1, out, in);
  }
}

std::span<const float> DensePass::forward(const PackedDense& net, const float* inputs, std::int32_t rows) {
  const std::int32_t layers = net.layers();
  if (values_.size() < at(layers)) values_.resize(at(layers));
  inputs_ = inputs;
  rows_ = rows;
  for (std::int32_t l = 0; l < layers; ++l) {
    const std::int32_t in = net.width(l), out = net.width(l + 1);
    const float* from = l == 0 ? inputs : values_[at(l - 1)].data();
    std::vector<float>& to = values_[at(l)];
    grow(to, std::int64_t{rows} * out);
    const bool last = l + 1 == layers;
    if (out == 1 && last) {
      multiply_vector(from, rows, in, net.weight(l), *net.bias(l), to.data());
    } else {
      multiply(from, in, 1, rows, net.onward_[at(l)], {.bias = net.bias(l), .relu = !last}, to.data(), out);
    }
  }
  return {values_[at(layers - 1)].data(), static_cast<std::size_t>(rows * net.outputs())};
}

void DensePass::backward(const PackedDense& net, const float* output_gradient, float* parameter_gradient,
                         bool add, float* input_gradient) {
  const std::int32_t layers = net.layers();
  if (gradients_.size() < at(layers)) gradients_.resize(at(layers));
  const float* outer = output_gradient;
  for (std::int32_t l = layers - 1; l >= 0; --l) {
    const std::int32_t in = net.width(l), out = net.width(l + 1);
    const float* from = l == 0 ? inputs_ : values_[at(l - 1)].data();
    if (parameter_gradient != nullptr) {
      float* weights = parameter_gradient + net.first_[at(l)];
      panels_.pack(from, in, 1, rows_, in);
      multiply(outer, 1, out, out, panels_, {.add = add}, weights, in);
      sum_columns(outer, rows_, out, add, weights + std::int64_t{in} * out);
    }
    if (l == 0 && input_gradient == nullptr) return;
    float* to = input_gradient;
    if (l > 0) {
      std::vector<float>& inner = gradients_[at(l)];
      grow(inner, std::int64_t{rows_} * in);
      to = inner.data();
    }
    multiply(outer, out, 1, rows_, net.back_[at(l)], {.mask = l > 0 ? from : nullptr}, to, in);
    outer = to;
  }
}

}  // namespace veer::nn

// Networks of linear layers with ReLU between them, forward and backward without a graph: what small critics
// and actors are trained with, and fitted Q models. The parameters are those of agents/networks/mlp.h, one
// behind the other: weight [outputs, inputs], bias [outputs], layer by layer. Torch-free.
//
// Thread-safety: PackedDense may be shared once packed; a DensePass belongs to one worker. Determinism: see
// panels.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "env/nn/dense/panels.h"
#include "env/nn/parameter_layout.h"
#include "env/types.h"

namespace veer::nn {

/// "<name>.0.weight", "<name>.0.bias", "<name>.1.weight" ... of widths[0] -> widths[1] -> ...: uniform within
/// 1 / sqrt(inputs), as LibTorch's Linear draws them. Appended to `out`. REQUIRES: at least two widths.
void add_dense_layout(std::vector<ParameterLayout>& out, const std::string& name,
                      std::span<const std::int64_t> widths);

/// Parameters ready for products. pack() again after every change of theirs.
class PackedDense {
 public:
  /// REQUIRES: at least two widths, each at least 1.
  explicit PackedDense(std::vector<std::int32_t> widths);

  std::int32_t layers() const noexcept { return static_cast<std::int32_t>(widths_.size()) - 1; }
  std::int32_t width(std::int32_t layer) const noexcept { return widths_[at(layer)]; }
  std::int32_t inputs() const noexcept { return widths_.front(); }
  std::int32_t outputs() const noexcept { return widths_.back(); }
  std::int64_t parameters() const noexcept { return size_; }

  /// Keeps a view of `parameters`, which must stay as they are until the next call. `backward`: whether a
  /// gradient will be asked for. REQUIRES: parameters() values.
  void pack(std::span<const float> parameters, bool backward);

 private:
  friend class DensePass;
  const float* weight(std::int32_t layer) const noexcept { return from_ + first_[at(layer)]; }
  const float* bias(std::int32_t layer) const noexcept {
    return weight(layer) + std::int64_t{width(layer)} * width(layer + 1);
  }

  std::vector<std::int32_t> widths_;
  std::vector<std::int64_t> first_;  ///< [layers] where a layer's parameters begin
  std::int64_t size_ = 0;
  const float* from_ = nullptr;
  std::vector<Panels> onward_, back_;  ///< [layers] the weights' transpose [inputs, outputs], the weights
};

/// One pass of a batch through networks of any sizes, one after another; memory is kept from pass to pass.
class DensePass {
 public:
  /// The network's outputs [rows, outputs], valid until the next call. `inputs` [rows, inputs] must stay for
  /// backward().
  std::span<const float> forward(const PackedDense& net, const float* inputs, std::int32_t rows);

  /// After forward() of the same network: from the gradient of its outputs [rows, outputs] to that of the
  /// parameters, in their order (null: not wanted; `add`: added to what stands there), and to that of the
  /// inputs [rows, inputs] (null: not wanted). REQUIRES: packed for it.
  void backward(const PackedDense& net, const float* output_gradient, float* parameter_gradient, bool add,
                float* input_gradient);

 private:
  const float* inputs_ = nullptr;
  std::int32_t rows_ = 0;
  std::vector<std::vector<float>> values_;     ///< [layers] what a layer put out
  std::vector<std::vector<float>> gradients_;  ///< [layers] of its inputs
  Panels panels_;
};

}  // namespace veer::nn

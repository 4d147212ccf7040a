// Small networks of linear layers with ReLU between them, their gradients and Adam, over flat arrays. For
// agents whose networks have a few thousand weights: torch-free, one row at a time, the same bits anywhere.
//
// Thread-safety: networks are immutable; what is computed goes into buffers of the caller.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "env/named_arrays.h"

namespace veer {

class DenseNetwork {
 public:
  /// Values per layer, input first. REQUIRES: at least two, all positive.
  explicit DenseNetwork(std::vector<std::int32_t> widths);

  std::int32_t inputs() const noexcept { return widths_.front(); }
  std::int32_t outputs() const noexcept { return widths_.back(); }
  std::size_t parameters() const noexcept { return parameters_; }
  /// Uniform within 1 / sqrt(inputs of the layer), by Stream::initialise; `lane` tells networks apart.
  void initialise(std::uint64_t seed, std::uint32_t lane, std::span<float> parameters) const;

  /// Values of all layers of one row, input first. Reused between calls.
  struct Pass {
    std::vector<std::vector<float>> layers;
    std::span<const float> output() const noexcept { return layers.back(); }
  };
  /// `input` has inputs() values. Returns the output, which lives in `pass`.
  std::span<const float> forward(std::span<const float> parameters, std::span<const float> input,
                                 Pass& pass) const;
  /// Adds d loss / d parameters to `gradient`, given d loss / d output of that pass; writes d loss / d input
  /// where `input_slope` is not empty.
  void backward(std::span<const float> parameters, const Pass& pass, std::span<const float> output_slope,
                std::span<float> gradient, std::span<float> input_slope = {}) const;

 private:
  std::vector<std::int32_t> widths_;
  std::size_t parameters_ = 0;
};

/// Parameters of one agent, with Adam's moments (Kingma and Ba, 2015).
struct TrainedWeights {
  std::vector<float> values, first, second;
  std::int64_t steps = 0;

  explicit TrainedWeights(std::size_t count = 0) : values(count), first(count), second(count) {}
  void step(std::span<const float> gradient, float rate) noexcept;
  void save(NamedArrays& out, const std::string& name) const;
  /// Throws FormatError for another number of values.
  void load(const NamedArrays& from, const std::string& name);
};

/// slow += rate * (fast - slow).
void follow(std::span<float> slow, std::span<const float> fast, float rate) noexcept;

}  // namespace veer

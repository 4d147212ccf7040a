#include "agents/dense/dense_network.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "env/error.h"
#include "env/random.h"
#include "env/types.h"

namespace veer {

DenseNetwork::DenseNetwork(std::vector<std::int32_t> widths) : widths_(std::move(widths)) {
  for (std::size_t l = 0; l + 1 < widths_.size(); ++l) parameters_ += at(widths_[l] + 1) * at(widths_[l + 1]);
}

void DenseNetwork::initialise(std::uint64_t seed, std::uint32_t lane, std::span<float> parameters) const {
  std::size_t next = 0;
  for (std::size_t l = 0; l + 1 < widths_.size(); ++l) {
    const float reach = 1.0F / std::sqrt(static_cast<float>(widths_[l]));
    const std::size_t count = at(widths_[l] + 1) * at(widths_[l + 1]);
    const std::span<float> layer = parameters.subspan(next, count);
    fill_uniform({seed, lane, static_cast<std::uint32_t>(l)}, Stream::initialise, layer);
    for (float& value : layer) value = reach * (2.0F * value - 1.0F);
    next += count;
  }
}

std::span<const float> DenseNetwork::forward(std::span<const float> parameters, std::span<const float> input,
                                             Pass& pass) const {
  pass.layers.resize(widths_.size());
  pass.layers[0].assign(input.begin(), input.end());
  const float* weights = parameters.data();
  for (std::size_t l = 0; l + 1 < widths_.size(); ++l) {
    const std::vector<float>& from = pass.layers[l];
    std::vector<float>& to = pass.layers[l + 1];
    const std::size_t width = at(widths_[l + 1]);
    // Weights are stored by input, so that the inner loop runs over neighbouring outputs; offsets come last.
    to.assign(weights + from.size() * width, weights + (from.size() + 1) * width);
    for (std::size_t i = 0; i < from.size(); ++i, weights += width) {
      if (from[i] == 0.0F) continue;
      for (std::size_t j = 0; j < width; ++j) to[j] += from[i] * weights[j];
    }
    weights += width;
    if (l + 2 < widths_.size()) {
      for (float& value : to) value = std::max(0.0F, value);
    }
  }
  return pass.output();
}

void DenseNetwork::backward(std::span<const float> parameters, const Pass& pass,
                            std::span<const float> output_slope, std::span<float> gradient,
                            std::span<float> input_slope) const {
  std::vector<float> slope(output_slope.begin(), output_slope.end()), below;
  std::size_t end = parameters_;
  for (std::size_t l = widths_.size() - 1; l-- > 0;) {
    const std::vector<float>& from = pass.layers[l];
    const std::size_t width = at(widths_[l + 1]), begin = end - (from.size() + 1) * width;
    const bool wanted = l > 0 || !input_slope.empty();
    below.assign(from.size(), 0.0F);
    for (std::size_t i = 0; i < from.size(); ++i) {
      const float* const weights = parameters.data() + begin + i * width;
      float* const slopes = gradient.data() + begin + i * width;
      for (std::size_t j = 0; j < width; ++j) slopes[j] += from[i] * slope[j];
      // A ReLU that is off lets nothing through; the input has none.
      if (!wanted || (l > 0 && from[i] <= 0.0F)) continue;
      float sum = 0.0F;
      for (std::size_t j = 0; j < width; ++j) sum += weights[j] * slope[j];
      below[i] = sum;
    }
    for (std::size_t j = 0; j < width; ++j) gradient[begin + from.size() * width + j] += slope[j];
    slope.swap(below);
    end = begin;
  }
  std::copy_n(slope.begin(), input_slope.size(), input_slope.begin());
}

void TrainedWeights::step(std::span<const float> gradient, float rate) noexcept {
  constexpr float beta1 = 0.9F, beta2 = 0.999F, epsilon = 1e-8F;
  ++steps;
  const auto n = static_cast<double>(steps);
  const auto one = static_cast<float>(1.0 - std::pow(double{beta1}, n));
  const auto two = static_cast<float>(1.0 - std::pow(double{beta2}, n));
  for (std::size_t i = 0; i < values.size(); ++i) {
    first[i] = beta1 * first[i] + (1.0F - beta1) * gradient[i];
    second[i] = beta2 * second[i] + (1.0F - beta2) * gradient[i] * gradient[i];
    values[i] -= rate * (first[i] / one) / (std::sqrt(second[i] / two) + epsilon);
  }
}

void TrainedWeights::save(NamedArrays& out, const std::string& name) const {
  out.set<float>(name + "/values", values);
  out.set<float>(name + "/first_moment", first);
  out.set<float>(name + "/second_moment", second);
  out.set_scalar<std::int64_t>(name + "/steps", steps);
}

void TrainedWeights::load(const NamedArrays& from, const std::string& name) {
  for (auto& [part, kept] : {std::pair<const char*, std::vector<float>*>{"/values", &values},
                             {"/first_moment", &first},
                             {"/second_moment", &second}}) {
    const std::span<const float> stored = from.get<float>(name + part);
    if (stored.size() != kept->size()) {
      throw FormatError({{}, 0, name + part},
                        {std::to_string(stored.size()) + " values", std::to_string(kept->size()), ""});
    }
    std::copy(stored.begin(), stored.end(), kept->begin());
  }
  steps = from.scalar<std::int64_t>(name + "/steps");
}

void follow(std::span<float> slow, std::span<const float> fast, float rate) noexcept {
  for (std::size_t i = 0; i < slow.size(); ++i) slow[i] += rate * (fast[i] - slow[i]);
}

}  // namespace veer

#include "env/nn/training/flat_parameters_net.h"

#include <algorithm>
#include <cmath>

#include "env/error.h"
#include "env/runtime.h"

namespace veer::nn {
namespace {

constexpr std::size_t values_per_block = 1 << 14;

}  // namespace

FlatParameters::FlatParameters(std::vector<ParameterLayout> layouts, const NamedArrays& values)
    : layouts_(std::move(layouts)) {
  std::int64_t first = 0;
  for (const ParameterLayout& layout : layouts_) {
    first_.push_back(first);
    first += layout.size();
  }
  values_ = torch::zeros({first}, torch::kFloat32);
  first_moment_.assign(size(), 0.0F);
  second_moment_.assign(size(), 0.0F);
  load(values, mutable_flat());
}

std::size_t FlatParameters::index_of(const std::string& name) const {
  const auto found = std::find_if(layouts_.begin(), layouts_.end(),
                                  [&](const ParameterLayout& layout) { return layout.name == name; });
  if (found == layouts_.end()) {
    throw ConfigError(Where{{}, 0, name}, Problem{"no such parameter", "one of this network", ""});
  }
  return static_cast<std::size_t>(found - layouts_.begin());
}

torch::Tensor FlatParameters::Gradient::view(const std::string& name) {
  const std::size_t i = owner_.index_of(name);
  return torch::from_blob(values_.data() + owner_.first_[i], owner_.layouts_[i].shape, torch::kFloat32);
}

void FlatParameters::Gradient::set(std::span<const torch::Tensor> found) {
  for (std::size_t i = 0; i < found.size(); ++i) {
    torch::Tensor own =
        torch::from_blob(values_.data() + owner_.first_[i], owner_.layouts_[i].shape, torch::kFloat32);
    if (found[i].defined()) {
      own.copy_(found[i]);
    } else {
      own.zero_();
    }
  }
}

NetworkParameters FlatParameters::aliases() const {
  NetworkParameters net{"cpu", {}};
  for (std::size_t i = 0; i < layouts_.size(); ++i) {
    torch::Tensor alias = values_.narrow(0, first_[i], layouts_[i].size()).view(layouts_[i].shape).detach();
    net.parameters.emplace_back(layouts_[i].name, alias.requires_grad_());
  }
  return net;
}

double FlatParameters::accumulate(std::size_t shards,
                                  const std::function<double(std::size_t, Gradient&)>& work) {
  // So many shards at a time as keep the workers busy: a gradient is as large as the model. Gradients are
  // added in the order of the shards, so the size of a wave changes no bit.
  const std::size_t wave = std::min(shards, 2 * static_cast<std::size_t>(arena_threads()));
  while (gradients_.size() < wave + 1) gradients_.emplace_back(size());
  std::fill(gradients_[0].begin(), gradients_[0].end(), 0.0F);
  std::vector<double> results(shards);
  for (std::size_t begin = 0; begin < shards; begin += wave) {
    const std::size_t count = std::min(wave, shards - begin);
    parallel_for(static_cast<std::int64_t>(count), [&](std::int64_t i) {
      Gradient gradient(*this, gradients_[static_cast<std::size_t>(i) + 1]);
      results[begin + static_cast<std::size_t>(i)] = work(begin + static_cast<std::size_t>(i), gradient);
    });
    add_up(count);
  }
  double sum = 0.0;
  for (const double result : results) sum += result;
  return sum;
}

/// Runs work(first, count) on blocks of parameters, in parallel.
template <class Work>
void FlatParameters::for_each_block(const Work& work) const {
  const std::size_t blocks = (size() + values_per_block - 1) / values_per_block;
  parallel_for(static_cast<std::int64_t>(blocks), [&](std::int64_t b) {
    const std::size_t first = static_cast<std::size_t>(b) * values_per_block;
    work(first, std::min(values_per_block, size() - first));
  });
}

/// Adds gradients 1..count to gradient 0, in this order.
void FlatParameters::add_up(std::size_t count) {
  for_each_block([&](std::size_t first, std::size_t size) {
    float* sum = gradients_[0].data() + first;
    for (std::size_t s = 1; s <= count; ++s) {
      const float* other = gradients_[s].data() + first;
      for (std::size_t i = 0; i < size; ++i) sum[i] += other[i];
    }
  });
}

double FlatParameters::gradient_norm() const {
  if (gradients_.empty()) return 0.0;
  std::vector<double> parts((size() + values_per_block - 1) / values_per_block);
  for_each_block([&](std::size_t first, std::size_t count) {
    double sum = 0.0;
    for (std::size_t i = first; i < first + count; ++i) {
      sum += static_cast<double>(gradients_[0][i]) * static_cast<double>(gradients_[0][i]);
    }
    parts[first / values_per_block] = sum;
  });
  double sum = 0.0;
  for (const double part : parts) sum += part;
  return std::sqrt(sum);
}

void FlatParameters::update(const AdamOptions& options, float scale) {
  ++steps_;
  for_each_block([&](std::size_t first, std::size_t count) {
    const auto gradient = std::span(gradients_[0]).subspan(first, count);
    if (scale != 1.0F) {
      for (float& value : gradient) value *= scale;
    }
    adam_update(options, steps_, gradient, std::span(first_moment_).subspan(first, count),
                std::span(second_moment_).subspan(first, count), mutable_flat().subspan(first, count));
  });
}

void FlatParameters::restart_optimiser() noexcept {
  std::fill(first_moment_.begin(), first_moment_.end(), 0.0F);
  std::fill(second_moment_.begin(), second_moment_.end(), 0.0F);
  steps_ = 0;
}

void FlatParameters::assign(const FlatParameters& other) { approach(other, 1.0F); }

void FlatParameters::approach(const FlatParameters& other, float rate) {
  if (other.size() != size()) {
    throw FormatError(Where{{}, 0, "parameters"}, Problem{std::to_string(other.size()) + " values",
                                                          std::to_string(size()), "networks differ in size"});
  }
  float* own = values_.data_ptr<float>();
  const float* target = other.values_.data_ptr<float>();
  for_each_block([&](std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i) own[i] = rate * target[i] + (1.0F - rate) * own[i];
  });
}

void FlatParameters::load(const NamedArrays& arrays, std::span<float> out) const {
  for (std::size_t i = 0; i < layouts_.size(); ++i) {
    const ParameterLayout& layout = layouts_[i];
    const std::span<const float> from = arrays.get<float>(layout.name);
    if (arrays.at(layout.name).shape != layout.shape) {
      throw FormatError(
          Where{{}, 0, layout.name},
          Problem{std::to_string(from.size()) + " values in another shape", std::to_string(layout.size()),
                  "the training state belongs to a model of other sizes"});
    }
    std::copy(from.begin(), from.end(), out.begin() + first_[i]);
  }
}

NamedArrays FlatParameters::save(std::span<const float> flat_values) const {
  NamedArrays arrays;
  for (std::size_t i = 0; i < layouts_.size(); ++i) {
    arrays.set<float>(layouts_[i].name,
                      flat_values.subspan(static_cast<std::size_t>(first_[i]),
                                          static_cast<std::size_t>(layouts_[i].size())),
                      layouts_[i].shape);
  }
  return arrays;
}

NamedArrays FlatParameters::values() const { return save({values_.data_ptr<float>(), size()}); }

NamedArrays FlatParameters::state() const {
  NamedArrays arrays;
  arrays.put_group("parameters", values());
  arrays.put_group("first_moment", save(first_moment_));
  arrays.put_group("second_moment", save(second_moment_));
  arrays.set_scalar<std::int64_t>("adam_steps", steps_);
  return arrays;
}

void FlatParameters::restore(const NamedArrays& state) {
  load(state.group("parameters"), mutable_flat());
  load(state.group("first_moment"), first_moment_);
  load(state.group("second_moment"), second_moment_);
  steps_ = state.scalar<std::int64_t>("adam_steps");
}

}  // namespace veer::nn

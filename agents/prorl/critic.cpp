#include "agents/prorl/critic.h"

#include <torch/autograd.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "env/nn/hyper_parameters.h"
#include "env/nn/training/flat_parameters_net.h"
#include "env/runtime.h"
#include "env/types.h"

namespace veer::prorl {
namespace {

constexpr std::size_t critic_shard = 1024;  ///< states
constexpr std::uint64_t critic_seed = 0x637269746963ULL;

std::vector<nn::ParameterLayout> critic_layout(std::int64_t width, std::int64_t hidden) {
  const auto spread = [](std::int64_t fan_in) { return 1.0F / std::sqrt(static_cast<float>(fan_in)); };
  return {{"in_weight", {hidden, width}, nn::Initial::normal, spread(width)},
          {"in_bias", {hidden}, nn::Initial::zeros},
          {"out_weight", {1, hidden}, nn::Initial::normal, spread(hidden)},
          {"out_bias", {1}, nn::Initial::zeros}};
}

torch::Tensor value_of(const nn::NetworkParameters& net, const torch::Tensor& states) {
  const torch::Tensor hidden = torch::relu(torch::linear(states, net.at("in_weight"), net.at("in_bias")));
  return torch::linear(hidden, net.at("out_weight"), net.at("out_bias")).squeeze(1);
}

/// A view: the values must outlive it.
torch::Tensor as_tensor(std::span<const float> values, std::vector<std::int64_t> shape) {
  return torch::from_blob(const_cast<float*>(values.data()), shape, torch::kFloat32);
}

}  // namespace

struct Critic::Impl {
  std::int64_t width;
  CriticOptions options;
  nn::FlatParameters parameters;

  /// States of one shard.
  torch::Tensor shard(std::span<const float> states, std::size_t s) const {
    const std::size_t all = states.size() / at(width), first = s * critic_shard;
    const std::size_t count = std::min(critic_shard, all - first);
    return as_tensor(states.subspan(first * at(width), count * at(width)),
                     {static_cast<std::int64_t>(count), width});
  }
  std::size_t shards(std::span<const float> states) const {
    return (states.size() / at(width) + critic_shard - 1) / critic_shard;
  }
};

Critic::Critic(std::int32_t width, const CriticOptions& options) {
  nn::require_range("critic_hidden", options.hidden, 1, 1 << 14);
  if (!(options.learning_rate > 0.0F)) {
    nn::reject_field("critic_rate", nn::decimal(options.learning_rate), "more than 0");
  }
  if (options.warm_up < 0) nn::reject_field("critic_warm_up", std::to_string(options.warm_up), "0 or more");
  const auto layout = critic_layout(width, options.hidden);
  const NamedArrays values = nn::initial_parameters(layout, critic_seed, "cpu").to_arrays();
  impl_.reset(new Impl{width, options, nn::FlatParameters(layout, values)});
}
Critic::~Critic() = default;
Critic::Critic(Critic&&) noexcept = default;

std::vector<float> Critic::values(std::span<const float> states) const {
  std::vector<float> out(states.size() / at(impl_->width));
  const nn::NetworkParameters net = impl_->parameters.aliases();
  parallel_for(static_cast<std::int64_t>(impl_->shards(states)), [&](std::int64_t s) {
    torch::NoGradGuard guard;
    const torch::Tensor found = value_of(net, impl_->shard(states, at(s))).contiguous();
    std::copy_n(found.data_ptr<float>(), found.numel(),
                out.begin() + static_cast<std::ptrdiff_t>(at(s) * critic_shard));
  });
  return out;
}

double Critic::learn(std::span<const float> states, std::span<const float> returns) {
  if (returns.empty()) return 0.0;
  const auto count = static_cast<double>(returns.size());
  const double squares = impl_->parameters.accumulate(
      impl_->shards(states), [&](std::size_t s, nn::FlatParameters::Gradient& gradient) {
        const nn::NetworkParameters net = impl_->parameters.aliases();
        const torch::Tensor seen = impl_->shard(states, s);
        const torch::Tensor wanted =
            as_tensor(returns.subspan(s * critic_shard, at(seen.size(0))), {seen.size(0)});
        const torch::Tensor sum = (value_of(net, seen) - wanted).square().sum();
        std::vector<torch::Tensor> inputs;
        for (const auto& [name, parameter] : net.parameters) inputs.push_back(parameter);
        gradient.set(torch::autograd::grad({sum / count}, inputs));
        return sum.item<double>();
      });
  impl_->parameters.update({.learning_rate = impl_->options.learning_rate});
  return squares / count;
}

NamedArrays Critic::state() const { return impl_->parameters.state(); }
void Critic::restore(const NamedArrays& state) { impl_->parameters.restore(state); }

}  // namespace veer::prorl

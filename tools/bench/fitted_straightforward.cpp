#include "tools/bench/fitted_straightforward.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/adam.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "env/random.h"

namespace veer::bench {
namespace {

torch::nn::Sequential network_of(std::int64_t inputs, const std::vector<std::int32_t>& hidden,
                                 const NamedArrays& weights) {
  torch::nn::Sequential net;
  std::int64_t width = inputs;
  for (const std::int32_t next : hidden) {
    net->push_back(torch::nn::Linear(width, next));
    net->push_back(torch::nn::ReLU());
    width = next;
  }
  net->push_back(torch::nn::Linear(width, 1));
  const torch::NoGradGuard guard;
  for (std::size_t layer = 0; layer <= hidden.size(); ++layer) {
    auto* linear = net->ptr(2 * layer)->as<torch::nn::Linear>();
    for (const auto& [name, tensor] :
         {std::pair{".weight", &linear->weight}, std::pair{".bias", &linear->bias}}) {
      const std::span<const float> from = weights.get<float>("q." + std::to_string(layer) + name);
      tensor->copy_(torch::from_blob(const_cast<float*>(from.data()), tensor->sizes()));
    }
  }
  return net;
}

}  // namespace

struct StraightforwardQ::Impl {
  ope::FittedQOptions options;
  std::int64_t draws = 1, reals = 0, updates = 0;
  torch::Tensor state, action, next_state, next_action, reward, goes_on;
  double centre = 0.0, spread = 1.0;
  torch::nn::Sequential quick, slow;
  std::unique_ptr<torch::optim::Adam> adam;
};

StraightforwardQ::StraightforwardQ(const ope::FittedLog& log, const ope::TargetActions& target,
                                   const ope::FittedQOptions& options, const NamedArrays& weights)
    : impl_(new Impl) {
  Impl& m = *impl_;
  m.options = options;
  m.draws = target.draws;
  m.reals = log.reals;
  const std::int64_t steps = log.steps();
  torch::Tensor next = torch::zeros({steps}, torch::kInt64);
  m.goes_on = torch::zeros({steps});
  m.reward = torch::from_blob(const_cast<float*>(log.reward.data()), {steps}).clone();
  for (std::int64_t i = 0; i < log.trajectories(); ++i) {
    for (std::int64_t step = log.offsets[at(i)]; step < log.offsets[at(i) + 1]; ++step) {
      const ope::StepEnd end = log.end[at(step)];
      next.data_ptr<std::int64_t>()[step] = end == ope::StepEnd::none ? step + 1 : steps + i;
      m.goes_on.data_ptr<float>()[step] = end == ope::StepEnd::terminated ? 0.0F : 1.0F;
    }
  }
  const torch::Tensor all =
      torch::from_blob(const_cast<float*>(log.states.data()), {log.value_states(), log.features});
  const torch::Tensor logged = all.slice(0, 0, steps).to(torch::kFloat64);
  const torch::Tensor mean = logged.mean(0), deviation = logged.std(0, /*unbiased=*/false).clamp_min(1e-3);
  const torch::Tensor scaled = (all - mean.to(torch::kFloat32)) / deviation.to(torch::kFloat32);
  m.state = scaled.slice(0, 0, steps).contiguous();
  m.next_state = scaled.index_select(0, next);
  m.action = torch::from_blob(const_cast<float*>(log.actions.data()), {steps, m.reals}).clone();
  m.next_action =
      torch::from_blob(const_cast<float*>(target.actions.data()), {log.value_states(), m.draws, m.reals})
          .index_select(0, next);
  const torch::Tensor rewards = m.reward.to(torch::kFloat64);
  const double kept = options.gamma * m.goes_on.to(torch::kFloat64).mean().item<double>();
  m.centre = rewards.mean().item<double>() / (1.0 - kept);
  m.spread = std::sqrt(rewards.var(/*unbiased=*/false).item<double>() / (1.0 - kept * options.gamma));
  m.quick = network_of(log.features + m.reals, options.hidden, weights);
  m.slow = network_of(log.features + m.reals, options.hidden, weights);
  m.adam = std::make_unique<torch::optim::Adam>(m.quick->parameters(),
                                                torch::optim::AdamOptions(double{options.learning_rate}));
}
StraightforwardQ::~StraightforwardQ() = default;

double StraightforwardQ::update() {
  Impl& m = *impl_;
  const std::int64_t count = m.options.batch;
  torch::Tensor rows = torch::empty({count}, torch::kInt64);
  const StepKey key{m.options.seed, static_cast<EpisodeId>(m.updates), 0};
  for (std::int64_t r = 0; r < count; ++r) {
    rows.data_ptr<std::int64_t>()[r] = uniform_below(static_cast<std::uint32_t>(m.state.size(0)), key,
                                                     Stream::shuffle, static_cast<std::uint32_t>(r));
  }
  torch::Tensor aimed;
  {
    const torch::NoGradGuard guard;
    const torch::Tensor next = m.next_state.index_select(0, rows).repeat_interleave(m.draws, 0);
    const torch::Tensor act = m.next_action.index_select(0, rows).view({count * m.draws, m.reals});
    const torch::Tensor ahead = m.slow->forward(torch::cat({next, act}, 1)).view({count, m.draws}).mean(1);
    const torch::Tensor value = m.reward.index_select(0, rows) + m.options.gamma *
                                                                     m.goes_on.index_select(0, rows) *
                                                                     (m.centre + m.spread * ahead);
    aimed = (value - m.centre) / m.spread;
  }
  const torch::Tensor found =
      m.quick->forward(torch::cat({m.state.index_select(0, rows), m.action.index_select(0, rows)}, 1));
  const torch::Tensor loss = torch::mse_loss(found.squeeze(1), aimed);
  const double share = static_cast<double>(m.updates) / static_cast<double>(m.options.updates);
  static_cast<torch::optim::AdamOptions&>(m.adam->param_groups()[0].options())
      .lr(double{m.options.learning_rate} * std::clamp(2.0 - 2.0 * share, 0.0, 1.0));
  m.adam->zero_grad();
  loss.backward();
  m.adam->step();
  {
    const torch::NoGradGuard guard;
    const std::vector<torch::Tensor> from = m.quick->parameters();
    std::vector<torch::Tensor> to = m.slow->parameters();
    for (std::size_t i = 0; i < to.size(); ++i) to[i].lerp_(from[i], double{m.options.target_rate});
  }
  ++m.updates;
  return loss.item<double>() * m.spread * m.spread;
}

}  // namespace veer::bench

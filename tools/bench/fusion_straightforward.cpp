#include "tools/bench/fusion_straightforward.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/adam.h>

#include <cmath>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "agents/fusion/learning/fusion_draws.h"

namespace veer::bench {
namespace {

using fusion::Draw;
using torch::Tensor;

/// "<name>.0", "<name>.1" ... as modules.
torch::nn::Sequential layers_of(const NamedArrays& weights, const std::string& name) {
  torch::nn::Sequential net;
  const torch::NoGradGuard guard;
  for (int layer = 0;; ++layer) {
    const std::string stem = name + "." + std::to_string(layer);
    if (!weights.contains(stem + ".weight")) return net;
    if (layer > 0) net->push_back(torch::nn::ReLU());
    const auto& shape = weights.at(stem + ".weight").shape;
    torch::nn::Linear linear(shape[1], shape[0]);
    for (const auto& [part, tensor] :
         {std::pair{".weight", &linear->weight}, std::pair{".bias", &linear->bias}}) {
      tensor->copy_(
          torch::from_blob(const_cast<float*>(weights.get<float>(stem + part).data()), tensor->sizes()));
    }
    net->push_back(linear);
  }
}

std::vector<Tensor> all_parameters(std::initializer_list<torch::nn::Sequential*> nets) {
  std::vector<Tensor> out;
  for (torch::nn::Sequential* net : nets) {
    for (const Tensor& parameter : (*net)->parameters()) out.push_back(parameter);
  }
  return out;
}

std::unique_ptr<torch::optim::Adam> adam_of(const std::vector<Tensor>& parameters, float rate) {
  return std::make_unique<torch::optim::Adam>(parameters, torch::optim::AdamOptions(double{rate}));
}

void move_towards(torch::nn::Sequential& slow, torch::nn::Sequential& quick, double rate) {
  const torch::NoGradGuard guard;
  const std::vector<Tensor> from = quick->parameters();
  std::vector<Tensor> to = slow->parameters();
  for (std::size_t i = 0; i < to.size(); ++i) to[i].lerp_(from[i], rate);
}

}  // namespace

struct StraightforwardFusion::Impl {
  fusion::FusionOptions o;
  std::uint64_t seed = 0;
  std::int64_t updates = 0;
  bool same_draws = false;
  Tensor state, next_state, action, reward, goes_on;
  torch::nn::Sequential actor, q1, q2, slow_actor, slow_q1, slow_q2;
  Tensor log_temperature = torch::zeros({1}, torch::requires_grad());
  std::unique_ptr<torch::optim::Adam> actor_adam, critic_adam, heat_adam;

  Tensor normals(Draw what, std::int64_t rows, std::int64_t width) const {
    if (!same_draws) return torch::randn({rows, width});
    Tensor out = torch::empty({rows, width});
    for (std::int64_t r = 0; r < rows; ++r) {
      fusion::FusionDraws{seed, updates}.normals(what, static_cast<std::int32_t>(r),
                                                 {out.data_ptr<float>() + r * width, at(width)});
    }
    return out;
  }
  Tensor anywhere(std::int64_t rows, std::int64_t width) const {
    if (!same_draws) return torch::rand({rows, width}) * 2.0 - 1.0;
    Tensor out = torch::empty({rows, width});
    for (std::int64_t r = 0; r < rows; ++r) {
      fusion::FusionDraws{seed, updates}.anywhere(Draw::proposal, static_cast<std::int32_t>(r),
                                                  {out.data_ptr<float>() + r * width, at(width)});
    }
    return out;
  }
  static Tensor judge(torch::nn::Sequential& net, const Tensor& s, const Tensor& a) {
    return net->forward(torch::cat({s, a}, 1)).squeeze(1);
  }
  /// tanh of normals around the actor's mean, with their log density.
  std::pair<Tensor, Tensor> drawn(const Tensor& s, const Tensor& noise) {
    const std::vector<Tensor> parts = actor->forward(s).chunk(2, 1);
    const Tensor log_deviation = parts[1].clamp(-20.0, 2.0);
    const Tensor x = parts[0] + log_deviation.exp() * noise;
    const Tensor density = -0.5 * noise.square() - log_deviation - 0.5 * std::log(2.0 * std::numbers::pi) -
                           2.0 * (std::numbers::ln2 - x - torch::softplus(-2.0 * x));
    return {x.tanh(), density.sum(1)};
  }
  Tensor gap(torch::nn::Sequential& net, const Tensor& s, const std::vector<Tensor>& proposals,
             const std::vector<Tensor>& densities, const Tensor& q) const {
    const Tensor here = s.repeat_interleave(o.samples, 0);
    std::vector<Tensor> weighed;
    for (std::size_t p = 0; p < proposals.size(); ++p) {
      weighed.push_back((judge(net, here, proposals[p]) - densities[p]).view({s.size(0), o.samples}));
    }
    return (torch::logsumexp(torch::cat(weighed, 1), 1) - q).mean();
  }
};

StraightforwardFusion::StraightforwardFusion(const fusion::FusionOptions& options,
                                             const fusion::StateScale& scale, const NamedArrays& saved,
                                             const Transitions& log, std::uint64_t seed)
    : impl_(new Impl) {
  Impl& m = *impl_;
  m.o = options;
  m.seed = seed;
  const auto table = [&](const std::vector<float>& values, std::int64_t width) {
    return torch::from_blob(const_cast<float*>(values.data()), {log.count, width}).clone();
  };
  const auto row = [&](const std::vector<float>& values) {
    return torch::from_blob(const_cast<float*>(values.data()), {log.features}).clone();
  };
  m.state = (table(log.observed, log.features) - row(scale.mean)) / row(scale.deviation);
  m.next_state = (table(log.next_observed, log.features) - row(scale.mean)) / row(scale.deviation);
  m.action = table(log.action_reals, log.reals);
  m.reward = table(log.reward, 1).squeeze(1);
  m.goes_on = torch::ones({log.count});
  for (std::int32_t i = 0; i < log.count; ++i) {
    if (is_terminated(log.end[at(i)])) m.goes_on.data_ptr<float>()[i] = 0.0F;
  }
  const NamedArrays actor = saved.group("actor").group("parameters");
  const NamedArrays critic = saved.group("critic").group("parameters");
  for (torch::nn::Sequential* net : {&m.actor, &m.slow_actor}) *net = layers_of(actor, "actor");
  for (torch::nn::Sequential* net : {&m.q1, &m.slow_q1}) *net = layers_of(critic, "q1");
  for (torch::nn::Sequential* net : {&m.q2, &m.slow_q2}) *net = layers_of(critic, "q2");
  m.actor_adam = adam_of(all_parameters({&m.actor}), options.actor_rate);
  m.critic_adam = adam_of(all_parameters({&m.q1, &m.q2}), options.critic_rate);
  m.heat_adam = adam_of({m.log_temperature}, options.actor_rate);
}
StraightforwardFusion::~StraightforwardFusion() = default;

UpdateStats StraightforwardFusion::update(bool same_draws) {
  Impl& m = *impl_;
  const fusion::FusionOptions& o = m.o;
  m.same_draws = same_draws;
  const bool soft = o.kind == fusion::FusionKind::cql;
  const std::int64_t batch = o.batch, samples = o.samples, weights = o.weights;
  Tensor rows = torch::empty({batch}, torch::kInt64);
  const StepKey key{m.seed, static_cast<EpisodeId>(m.updates), 0};
  for (std::int64_t r = 0; r < batch; ++r) {
    rows.data_ptr<std::int64_t>()[r] = uniform_below(static_cast<std::uint32_t>(m.state.size(0)), key,
                                                     Stream::shuffle, static_cast<std::uint32_t>(r));
  }
  const Tensor s = m.state.index_select(0, rows), next = m.next_state.index_select(0, rows);
  const Tensor a = m.action.index_select(0, rows);
  UpdateStats out;
  Tensor y;
  std::vector<Tensor> proposals, densities;
  {
    const torch::NoGradGuard guard;
    const Tensor noise = m.normals(Draw::next_action, batch, weights);
    const Tensor ahead = soft ? m.drawn(next, noise).first
                              : (m.slow_actor->forward(next).tanh() +
                                 (noise * o.target_noise).clamp(-o.target_clip, o.target_clip))
                                    .clamp(-1.0, 1.0);
    const Tensor value =
        torch::minimum(Impl::judge(m.slow_q1, next, ahead), Impl::judge(m.slow_q2, next, ahead));
    y = m.reward.index_select(0, rows) + o.discount * m.goes_on.index_select(0, rows) * value;
    if (soft) {
      proposals.push_back(m.anywhere(batch, samples * weights).view({-1, weights}));
      densities.push_back(torch::full({batch * samples}, -static_cast<double>(weights) * std::numbers::ln2));
      for (const auto& [from, what] : {std::pair{s, Draw::own_latent}, {next, Draw::next_latent}}) {
        const Tensor numbers = m.normals(what, batch, samples * weights).view({-1, weights});
        const auto [actions, density] = m.drawn(from.repeat_interleave(samples, 0), numbers);
        proposals.push_back(actions);
        densities.push_back(density);
      }
    }
  }
  const Tensor one = Impl::judge(m.q1, s, a), two = Impl::judge(m.q2, s, a);
  Tensor loss = torch::mse_loss(one, y) + torch::mse_loss(two, y);
  if (soft) {
    const Tensor gap = m.gap(m.q1, s, proposals, densities, one) + m.gap(m.q2, s, proposals, densities, two);
    loss = loss + o.conservatism * gap;
    out["gap"] = 0.5 * gap.item<double>();
  }
  m.critic_adam->zero_grad();
  loss.backward();
  m.critic_adam->step();
  out["critic_loss"] = loss.item<double>();
  if (soft || (m.updates + 1) % o.actor_every == 0) {
    Tensor actor_loss;
    if (soft) {
      const auto [actions, density] = m.drawn(s, m.normals(Draw::own_action, batch, weights));
      const Tensor worth = torch::minimum(Impl::judge(m.q1, s, actions), Impl::judge(m.q2, s, actions));
      actor_loss = (m.log_temperature.detach().exp() * density - worth).mean();
      const Tensor heat_loss =
          -(m.log_temperature * (density.detach() - static_cast<double>(weights))).mean();
      m.heat_adam->zero_grad();
      heat_loss.backward();
    } else {
      actor_loss = -Impl::judge(m.q1, s, m.actor->forward(s).tanh()).mean();
    }
    m.actor_adam->zero_grad();
    actor_loss.backward();
    m.actor_adam->step();
    if (soft) m.heat_adam->step();
    out["actor_loss"] = actor_loss.item<double>();
    move_towards(m.slow_q1, m.q1, double{o.target_rate});
    move_towards(m.slow_q2, m.q2, double{o.target_rate});
    if (!soft) move_towards(m.slow_actor, m.actor, double{o.target_rate});
  }
  ++m.updates;
  return out;
}

}  // namespace veer::bench

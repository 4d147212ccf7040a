// Updates without a graph have the gradients that LibTorch finds.
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "agents/fusion/learning/fused_updates_net.h"
#include "agents/fusion/fusion_networks_net.h"
#include "agents/networks/shard_gradients_net.h"
#include "tests/test.h"

namespace veer::fusion {
namespace {

using torch::Tensor;

/// A learner's parts, and a batch whose last shard is short.
struct Parts {
  FusionOptions o;
  StateScale scale{{0.1F, -0.2F, 0.3F}, {1.5F, 0.7F, 1.1F}};
  nn::FlatParameters actor, critic, temperature, slow_actor, slow_critic;
  Transitions batch;

  static nn::FlatParameters fresh(const std::vector<nn::ParameterLayout>& layout, std::uint64_t seed) {
    return {layout, nn::initial_parameters(layout, seed, "cpu").to_arrays()};
  }
  explicit Parts(const FusionOptions& options)
      : o(options),
        actor(fresh(actor_layout(o), 1)),
        critic(fresh(critic_layout(o), 2)),
        temperature(fresh({{"log_temperature", {1}, nn::Initial::constant, -0.5F}}, 3)),
        slow_actor(fresh(actor_layout(o), 4)),
        slow_critic(fresh(critic_layout(o), 5)) {
    batch.resize(o.batch, BatchShape{.rows = 1, .reals = o.weights, .features = o.features});
    fill_normal({7, 0, 0}, Stream::generate, batch.observed);
    fill_normal({7, 1, 0}, Stream::generate, batch.next_observed);
    fill_uniform({7, 2, 0}, Stream::generate, batch.action_reals);
    fill_uniform({7, 3, 0}, Stream::generate, batch.reward);
    for (std::size_t i = 0; i < batch.end.size(); i += 3) batch.end[i] = EndReason::user_left;
    for (std::size_t i = 1; i < batch.end.size(); i += 9) batch.end[i] = EndReason::horizon;
  }
  FusionSets sets() { return {actor, critic, temperature, slow_actor, slow_critic}; }

  Tensor states(std::vector<float>& from) const {
    const auto row = [&](const std::vector<float>& values) {
      return torch::from_blob(const_cast<float*>(values.data()), {o.features}).clone();
    };
    return (torch::from_blob(from.data(), {batch.count, o.features}) - row(scale.mean)) /
           row(scale.deviation);
  }
};

constexpr FusionDraws draws{11, 2};

Tensor numbers(Draw what, std::int32_t rows, std::int64_t width) {
  Tensor out = torch::empty({rows, width});
  for (std::int32_t r = 0; r < rows; ++r) {
    draws.normals(what, r, {out.data_ptr<float>() + r * width, at(width)});
  }
  return out;
}

/// Adam's first moment after its first step is a tenth of the gradient.
void check_gradient(const nn::FlatParameters& learned, const std::vector<Tensor>& expected) {
  const NamedArrays moments = learned.state().group("first_moment");
  std::size_t i = 0;
  for (const auto& [name, tensor] : learned.aliases().parameters) {
    CAPTURE(name);
    const std::span<const float> found = moments.get<float>(name);
    const Tensor e = expected[i++].contiguous().view(-1);
    const float size = e.abs().max().item<float>();
    CHECK(size > 0.0F);
    float apart = 0.0F;
    for (std::size_t k = 0; k < found.size(); ++k) {
      apart = std::max(apart, std::abs(10.0F * found[k] - e.data_ptr<float>()[k]));
    }
    CHECK(apart < 1e-4F * size);
  }
}

Tensor critic_loss(Parts& p, const nn::NetworkParameters& judge) {
  const bool soft = p.o.kind == FusionKind::cql;
  const Tensor s = p.states(p.batch.observed), next = p.states(p.batch.next_observed);
  const Tensor taken = torch::from_blob(p.batch.action_reals.data(), {p.batch.count, p.o.weights});
  const nn::NetworkParameters slow = p.slow_critic.aliases(), net = p.actor.aliases();
  Tensor y;
  std::vector<Tensor> proposals, densities;
  {
    const torch::NoGradGuard guard;
    const Tensor noise = numbers(Draw::next_action, p.o.batch, p.o.weights);
    Tensor ahead =
        soft ? draw_actions(p.o, net, next, noise).actions : best_guess(p.o, p.slow_actor.aliases(), next);
    if (!soft && p.o.kind != FusionKind::ddpg) {
      ahead = (ahead + (noise * p.o.target_noise).clamp(-p.o.target_clip, p.o.target_clip)).clamp(-1.0, 1.0);
    }
    Tensor value = q_value(slow, "q1", next, ahead);
    if (p.o.has_twin()) value = torch::minimum(value, q_value(slow, "q2", next, ahead));
    y = value.clone();
    for (std::int64_t r = 0; r < p.batch.count; ++r) {
      const float kept = is_terminated(p.batch.end[at(r)]) ? 0.0F : p.o.discount;
      y[r] = p.batch.reward[at(r)] + kept * value[r].item<float>();
    }
    Tensor anywhere = torch::empty({p.o.batch, p.o.samples * p.o.weights});
    for (std::int32_t r = 0; r < p.o.batch; ++r) {
      draws.anywhere(Draw::proposal, r,
                     {anywhere.data_ptr<float>() + r * anywhere.size(1), at(anywhere.size(1))});
    }
    proposals.push_back(anywhere.view({-1, p.o.weights}));
    densities.push_back(torch::full({p.o.batch * p.o.samples}, -p.o.weights * std::numbers::ln2));
    for (const auto& [from, what] : {std::pair{s, Draw::own_latent}, {next, Draw::next_latent}}) {
      if (!soft) break;
      const DrawnActions drawn =
          draw_actions(p.o, net, from.repeat_interleave(p.o.samples, 0),
                       numbers(what, p.o.batch, p.o.samples * p.o.weights).view({-1, p.o.weights}));
      proposals.push_back(drawn.actions);
      densities.push_back(drawn.log_prob);
    }
  }
  Tensor loss = torch::zeros({});
  for (const char* name : {"q1", "q2"}) {
    if (name[1] == '2' && !p.o.has_twin()) continue;
    const Tensor q = q_value(judge, name, s, taken);
    loss = loss + (q - y).square().mean();
    if (!soft) continue;
    std::vector<Tensor> weighed;
    for (std::size_t k = 0; k < proposals.size(); ++k) {
      weighed.push_back(
          (q_value(judge, name, s.repeat_interleave(p.o.samples, 0), proposals[k]) - densities[k])
              .view({p.o.batch, p.o.samples}));
    }
    loss = loss + p.o.conservatism * (torch::logsumexp(torch::cat(weighed, 1), 1) - q).mean();
  }
  return loss;
}

Tensor actor_loss(Parts& p, const nn::NetworkParameters& net, Tensor* log_density_out) {
  const Tensor s = p.states(p.batch.observed);
  const Tensor taken = torch::from_blob(p.batch.action_reals.data(), {p.batch.count, p.o.weights});
  const nn::NetworkParameters judge = p.critic.aliases();
  if (p.o.kind == FusionKind::cql) {
    const DrawnActions drawn = draw_actions(p.o, net, s, numbers(Draw::own_action, p.o.batch, p.o.weights));
    *log_density_out = drawn.log_prob.detach();
    const Tensor worth =
        draws.update < p.o.imitate_first
            ? log_density(p.o, net, s, taken)
            : torch::minimum(q_value(judge, "q1", s, drawn.actions), q_value(judge, "q2", s, drawn.actions));
    return (std::exp(-0.5) * drawn.log_prob - worth).mean();
  }
  const Tensor action = best_guess(p.o, net, s), q = q_value(judge, "q1", s, action);
  if (p.o.kind != FusionKind::td3_bc) return -q.mean();
  return -(p.o.imitation / q.detach().abs().mean()) * q.mean() + (action - taken).square().mean();
}

TEST_CASE("fused updates: losses and gradients of every agent that has them") {
  for (const auto& [kind, imitate_first] : {std::pair{FusionKind::ddpg, 0},
                                            {FusionKind::td3, 0},
                                            {FusionKind::td3_bc, 0},
                                            {FusionKind::cql, 0},
                                            {FusionKind::cql, 5}}) {
    CAPTURE(fusion_kind_names[static_cast<std::size_t>(kind)]);
    CAPTURE(imitate_first);
    FusionOptions o = fusion_defaults(kind, 3, 2);
    o.hidden = 24;
    o.batch = 71;
    o.samples = 4;
    o.imitate_first = imitate_first;
    Parts p(o);
    FusedUpdates fused(o, p.scale);
    CHECK(has_fused_updates(kind));

    const nn::NetworkParameters judge = p.critic.aliases();
    const Tensor loss = critic_loss(p, judge);
    const std::vector<Tensor> wanted = gradients_of(loss, judge);
    const UpdateStats critic = fused.learn_critic(p.batch, draws, p.sets());
    CHECK(critic.at("critic_loss") / o.batch == doctest::Approx(loss.item<double>()).epsilon(1e-5));
    check_gradient(p.critic, wanted);

    const nn::NetworkParameters net = p.actor.aliases();
    Tensor density;
    const Tensor own = actor_loss(p, net, &density);
    const std::vector<Tensor> wanted_too = gradients_of(own, net);
    const UpdateStats actor = fused.learn_actor(p.batch, draws, p.sets());
    CHECK(actor.at("actor_loss") / o.batch == doctest::Approx(own.item<double>()).epsilon(1e-4));
    check_gradient(p.actor, wanted_too);
    if (kind != FusionKind::cql) continue;
    CHECK(actor.at("entropy") == doctest::Approx(-density.sum().item<double>()).epsilon(1e-4));
    const NamedArrays moments = p.temperature.state().group("first_moment");
    CHECK(10.0F * moments.get<float>("log_temperature")[0] ==
          doctest::Approx(-(density.mean().item<double>() - 2.0)).epsilon(1e-4));
  }
}

}  // namespace
}  // namespace veer::fusion

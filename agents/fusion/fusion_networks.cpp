#include <cmath>
#include <numbers>

#include "agents/fusion/fusion_networks_net.h"
#include "agents/networks/mlp_net.h"

namespace veer::fusion {
namespace {

/// Of the normal distribution before tanh.
struct Spread {
  torch::Tensor mean, log_deviation;  ///< [n, A]
};

Spread spread_of(const FusionOptions& options, const nn::NetworkParameters& actor,
                 const torch::Tensor& states) {
  const torch::Tensor out = mlp(actor, "actor", states, actor_layers(options));
  if (options.kind == FusionKind::iql) {
    return {out, actor.at("actor.log_deviation").clamp(-5.0, 2.0).expand_as(out)};
  }
  return {out.slice(1, 0, options.weights), out.slice(1, options.weights).clamp(-20.0, 2.0)};
}

/// Log density of tanh(x) with x normal: the change of variables is ln(1 - tanh(x)^2) per value.
torch::Tensor squashed_log_density(const Spread& spread, const torch::Tensor& x) {
  const torch::Tensor scaled = (x - spread.mean) * torch::exp(-spread.log_deviation);
  const torch::Tensor normal =
      -0.5 * scaled.square() - spread.log_deviation - 0.5 * std::log(2.0 * std::numbers::pi);
  // ln(1 - tanh(x)^2) = 2 (ln 2 - x - softplus(-2 x))
  const torch::Tensor change = 2.0 * (std::numbers::ln2 - x - torch::softplus(-2.0 * x));
  return (normal - change).sum(1);
}

}  // namespace

torch::Tensor standardised(View<const float> features, const StateScale& scale) {
  torch::Tensor states = torch::empty({features.rows(), features.width()});
  float* to = states.data_ptr<float>();
  for (std::int32_t r = 0; r < features.rows(); ++r) {
    const std::span<const float> row = features.row(r);
    for (std::size_t k = 0; k < row.size(); ++k) *to++ = (row[k] - scale.mean[k]) / scale.deviation[k];
  }
  return states;
}

torch::Tensor best_guess(const FusionOptions& options, const nn::NetworkParameters& actor,
                         const torch::Tensor& states) {
  if (options.is_stochastic()) return torch::tanh(spread_of(options, actor, states).mean);
  return torch::tanh(mlp(actor, "actor", states, actor_layers(options)));
}

DrawnActions draw_actions(const FusionOptions& options, const nn::NetworkParameters& actor,
                          const torch::Tensor& states, const torch::Tensor& noise) {
  const Spread spread = spread_of(options, actor, states);
  const torch::Tensor x = spread.mean + torch::exp(spread.log_deviation) * noise;
  return {torch::tanh(x), squashed_log_density(spread, x)};
}

torch::Tensor draw_before_tanh(const FusionOptions& options, const nn::NetworkParameters& actor,
                               const torch::Tensor& states, const torch::Tensor& noise) {
  const Spread spread = spread_of(options, actor, states);
  return spread.mean + torch::exp(spread.log_deviation) * noise;
}

torch::Tensor log_density(const FusionOptions& options, const nn::NetworkParameters& actor,
                          const torch::Tensor& states, const torch::Tensor& actions) {
  constexpr double inside = 1.0 - 1e-6;
  return squashed_log_density(spread_of(options, actor, states),
                              torch::atanh(actions.clamp(-inside, inside)));
}

torch::Tensor q_value(const nn::NetworkParameters& critic, const std::string& name,
                      const torch::Tensor& states, const torch::Tensor& actions) {
  return mlp(critic, name, torch::cat({states, actions}, 1), 3).squeeze(1);
}

torch::Tensor state_value(const nn::NetworkParameters& critic, const torch::Tensor& states) {
  return mlp(critic, "value", states, 3).squeeze(1);
}

torch::Tensor decode(const nn::NetworkParameters& generator, const torch::Tensor& states,
                     const torch::Tensor& latents) {
  return torch::tanh(decode_before_tanh(generator, states, latents));
}

torch::Tensor decode_before_tanh(const nn::NetworkParameters& generator, const torch::Tensor& states,
                                 const torch::Tensor& latents) {
  return mlp(generator, "decoder", torch::cat({states, latents}, 1), 3);
}

torch::Tensor perturb(const FusionOptions& options, const nn::NetworkParameters& actor,
                      const torch::Tensor& states, const torch::Tensor& actions) {
  const torch::Tensor moved =
      options.reach *
      torch::tanh(mlp(actor, "actor", torch::cat({states, actions}, 1), actor_layers(options)));
  return (actions + moved).clamp(-1.0, 1.0);
}

torch::Tensor generator_loss(const nn::NetworkParameters& generator, const torch::Tensor& states,
                             const torch::Tensor& actions, const torch::Tensor& noise) {
  const torch::Tensor code = mlp(generator, "encoder", torch::cat({states, actions}, 1), 3);
  const torch::Tensor mean = code.slice(1, 0, noise.size(1));
  const torch::Tensor log_deviation = code.slice(1, noise.size(1)).clamp(-4.0, 15.0);
  const torch::Tensor decoded = decode(generator, states, mean + torch::exp(log_deviation) * noise);
  const torch::Tensor error = (decoded - actions).square().mean(1);
  const torch::Tensor divergence =
      -0.5 * (1.0 + 2.0 * log_deviation - mean.square() - torch::exp(2.0 * log_deviation)).mean(1);
  return (error + 0.5 * divergence).sum();
}

}  // namespace veer::fusion

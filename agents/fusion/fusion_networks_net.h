// The networks of fusion agents as LibTorch operations that autograd can follow. Needs LibTorch: include it
// from .cpp files only. Pure functions; thread-safe. States are standardised, [n, F]; actions [n, A] within
// -1..1; noise is standard normal and drawn by the caller.
#pragma once

#include <torch/types.h>

#include <string>

#include "agents/fusion/fusion_model.h"
#include "agents/fusion/fusion_options.h"
#include "env/nn/network_parameters_net.h"

namespace veer::fusion {

/// States as networks read them, [n, F]: (feature - mean) / deviation.
torch::Tensor standardised(View<const float> features, const StateScale& scale);

/// tanh of the actor's output: what deterministic actors do, and the best guess of the stochastic ones.
torch::Tensor best_guess(const FusionOptions& options, const nn::NetworkParameters& actor,
                         const torch::Tensor& states);

struct DrawnActions {
  torch::Tensor actions;   ///< [n, A]
  torch::Tensor log_prob;  ///< [n] log density
};
/// Of a stochastic actor. `noise` [n, A].
DrawnActions draw_actions(const FusionOptions& options, const nn::NetworkParameters& actor,
                          const torch::Tensor& states, const torch::Tensor& noise);
/// [n] log density of these actions under a stochastic actor; actions at the bounds are moved 1e-6 inwards.
torch::Tensor log_density(const FusionOptions& options, const nn::NetworkParameters& actor,
                          const torch::Tensor& states, const torch::Tensor& actions);

/// [n] of critic "q1" or "q2".
torch::Tensor q_value(const nn::NetworkParameters& critic, const std::string& name,
                      const torch::Tensor& states, const torch::Tensor& actions);
/// [n], IQL's.
torch::Tensor state_value(const nn::NetworkParameters& critic, const torch::Tensor& states);

/// The same before tanh, [n, A].
torch::Tensor draw_before_tanh(const FusionOptions& options, const nn::NetworkParameters& actor,
                               const torch::Tensor& states, const torch::Tensor& noise);
/// decode() before tanh.
torch::Tensor decode_before_tanh(const nn::NetworkParameters& generator, const torch::Tensor& states,
                                 const torch::Tensor& latents);

/// BCQ, UWAC: actions of the generative model for latents [n, 2 A].
torch::Tensor decode(const nn::NetworkParameters& generator, const torch::Tensor& states,
                     const torch::Tensor& latents);
/// BCQ: clip(a + reach tanh(actor(s, a)), -1, 1).
torch::Tensor perturb(const FusionOptions& options, const nn::NetworkParameters& actor,
                      const torch::Tensor& states, const torch::Tensor& actions);
/// BCQ, summed over rows: mean square error of the decoded action over its A values plus half the divergence
/// from the standard normal, which is a mean over the latent's 2 A values (the authors' code). `noise`
/// [n, 2 A].
torch::Tensor generator_loss(const nn::NetworkParameters& generator, const torch::Tensor& states,
                             const torch::Tensor& actions, const torch::Tensor& noise);

}  // namespace veer::fusion

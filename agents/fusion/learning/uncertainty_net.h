// Critics that know how sure they are: dropout that never ends, spectral norms, and what several passes say
// together. UWAC's parts. Needs LibTorch: include it from .cpp files only. Pure functions; thread-safe.
//
// Source: "Uncertainty weighted actor-critic for offline reinforcement learning" (Wu et al., ICML 2021) and
// the authors' code; the constraint is that of BEAR (Kumar et al., NeurIPS 2019).
#pragma once

#include <torch/types.h>

#include <array>
#include <string>
#include <vector>

#include "env/nn/network_parameters_net.h"

namespace veer::fusion {

/// What is kept of the two hidden layers in one pass, already divided by the share kept: 0 or 1 / (1 - rate).
struct DropoutPass {
  torch::Tensor first, second;  ///< [rows, hidden]
};

/// A critic's three layers, every weight divided by its spectral norm.
struct NormedCritic {
  std::array<torch::Tensor, 3> weights, biases;
};
/// Of "q1" or "q2". Gradients reach the critic.
NormedCritic normed_critic(const nn::NetworkParameters& critic, const std::string& name);

/// [n], hidden layers dropped. A row of the masks stands for n / rows neighbouring rows of states and
/// actions.
torch::Tensor dropout_q(const NormedCritic& critic, const torch::Tensor& states, const torch::Tensor& actions,
                        const DropoutPass& pass);

/// The same with nothing dropped.
torch::Tensor normed_q(const NormedCritic& critic, const torch::Tensor& states, const torch::Tensor& actions);

/// Mean and unbiased variance over passes, [n] each. REQUIRES: at least two passes.
struct Belief {
  torch::Tensor mean, variance;
};
Belief believed_q(const NormedCritic& critic, const torch::Tensor& states, const torch::Tensor& actions,
                  const std::vector<DropoutPass>& passes);

/// Largest singular value of a matrix, by eight steps of the power method from a vector of ones; gradients
/// reach the matrix, the vectors are constants (Miyato et al. 2018).
torch::Tensor spectral_norm(const torch::Tensor& matrix);

/// clamp(exp(-beta variance), 0, 1), the code's form; `inverse`: clamp(beta / variance, 0, 1), the paper's.
torch::Tensor certainty(const torch::Tensor& variance, double beta, bool inverse);

/// Maximum mean discrepancy of x [n, k, A] and y [n, m, A], row by row, [n]: sqrt(mean k(x,x') + mean k(y,y')
/// - 2 mean k(x,y) + 1e-6) with the kernel exp(-|x - y|^2 / (2 width)).
torch::Tensor discrepancy(const torch::Tensor& x, const torch::Tensor& y, double width);

}  // namespace veer::fusion

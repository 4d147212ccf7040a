#include "agents/fusion/learning/uncertainty_net.h"

namespace veer::fusion {
namespace {

torch::Tensor layer(const NormedCritic& critic, std::size_t which, const torch::Tensor& x) {
  return torch::addmm(critic.biases[which], x, critic.weights[which].t());
}

/// One mask for several neighbouring rows.
torch::Tensor drop(const torch::Tensor& hidden, const torch::Tensor& mask) {
  const std::int64_t rows = mask.size(0), width = mask.size(1);
  return (hidden.view({rows, -1, width}) * mask.unsqueeze(1)).view({-1, width});
}

/// Mean over pairs of the kernel, [n].
torch::Tensor mean_kernel(const torch::Tensor& x, const torch::Tensor& y, double width) {
  const torch::Tensor squares = (x.unsqueeze(2) - y.unsqueeze(1)).square().sum(-1);
  return torch::exp(-squares / (2.0 * width)).mean(std::vector<std::int64_t>{1, 2});
}

}  // namespace

torch::Tensor spectral_norm(const torch::Tensor& matrix) {
  torch::Tensor left, right;
  {
    const torch::NoGradGuard no_gradient;
    const torch::Tensor plain = matrix.detach();
    left = torch::ones({plain.size(0)}, plain.options());
    for (int step = 0; step < 8; ++step) {
      right = torch::mv(plain.t(), left);
      right = right / right.norm().clamp_min(1e-12);
      left = torch::mv(plain, right);
      left = left / left.norm().clamp_min(1e-12);
    }
  }
  return torch::dot(left, torch::mv(matrix, right)).clamp_min(1e-12);
}

NormedCritic normed_critic(const nn::NetworkParameters& critic, const std::string& name) {
  NormedCritic out;
  for (std::size_t i = 0; i < out.weights.size(); ++i) {
    const std::string layer_name = name + "." + std::to_string(i);
    const torch::Tensor& weight = critic.at(layer_name + ".weight");
    out.weights[i] = weight / spectral_norm(weight);
    out.biases[i] = critic.at(layer_name + ".bias");
  }
  return out;
}

torch::Tensor dropout_q(const NormedCritic& critic, const torch::Tensor& states, const torch::Tensor& actions,
                        const DropoutPass& pass) {
  torch::Tensor x = torch::relu(layer(critic, 0, torch::cat({states, actions}, 1)));
  x = torch::relu(layer(critic, 1, drop(x, pass.first)));
  return layer(critic, 2, drop(x, pass.second)).squeeze(1);
}

torch::Tensor normed_q(const NormedCritic& critic, const torch::Tensor& states,
                       const torch::Tensor& actions) {
  torch::Tensor x = torch::relu(layer(critic, 0, torch::cat({states, actions}, 1)));
  x = torch::relu(layer(critic, 1, x));
  return layer(critic, 2, x).squeeze(1);
}

Belief believed_q(const NormedCritic& critic, const torch::Tensor& states, const torch::Tensor& actions,
                  const std::vector<DropoutPass>& passes) {
  std::vector<torch::Tensor> values;
  for (const DropoutPass& pass : passes) values.push_back(dropout_q(critic, states, actions, pass));
  const torch::Tensor all = torch::stack(values, 0);
  return {all.mean(0), all.var(0, true)};
}

torch::Tensor certainty(const torch::Tensor& variance, double beta, bool inverse) {
  return (inverse ? beta / variance : torch::exp(-beta * variance)).clamp(0.0, 1.0);
}

torch::Tensor discrepancy(const torch::Tensor& x, const torch::Tensor& y, double width) {
  return (mean_kernel(x, x, width) + mean_kernel(y, y, width) - 2.0 * mean_kernel(x, y, width) + 1e-6).sqrt();
}

}  // namespace veer::fusion

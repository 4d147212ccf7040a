#include <torch/autograd.h>

#include "agents/prorl/policy_gradient_net.h"

namespace veer::prorl {
namespace {

/// Sum over tokens of KL(p, q), both as log-probabilities [n, C].
torch::Tensor full_divergence(const torch::Tensor& log_p, const torch::Tensor& log_q) {
  return (log_p.exp() * (log_p - log_q)).sum();
}

}  // namespace

ObjectiveSums objective_gradient(const nn::Seq2SeqNet& net, const nn::Seq2SeqNet* reference,
                                 const PathGrammar& grammar, const ForcedPaths& paths,
                                 std::span<const float> credit, double rollouts, const UpdateOptions& options,
                                 nn::FlatParameters::Gradient& gradient) {
  const bool compares = options.divergence == Divergence::full && options.divergence_weight != 0.0;
  nn::DropoutMasks none(nullptr, net.device);
  const std::vector<TokenGroup> groups = forced_log_probabilities(net, grammar, paths, none);
  std::vector<TokenGroup> before;
  if (compares) {
    torch::NoGradGuard guard;
    before = forced_log_probabilities(*reference, grammar, paths, none);
  }
  const double per_token = options.mean_over_tokens ? 1.0 / grammar.layout().digits : 1.0;
  const double log_ratio = options.divergence == Divergence::log_ratio ? options.divergence_weight : 0.0;
  ObjectiveSums sums;
  sums.tokens = static_cast<std::int64_t>(paths.labels.size());
  torch::Tensor loss = torch::zeros({}, torch::dtype(torch::kFloat32).device(net.device));
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const TokenGroup& group = groups[g];
    torch::Tensor weight = torch::empty({static_cast<std::int64_t>(group.place.size())}, torch::kFloat32);
    float* to = weight.data_ptr<float>();
    for (const std::int64_t place : group.place) {
      const bool end = paths.labels[at(place)] == grammar.layout().end();
      *to++ = static_cast<float>((log_ratio - double{credit[at(place)]}) * (end ? 1.0 : per_token));
    }
    loss = loss + (group.chosen * weight.to(net.device)).sum();
    if (compares) {
      const torch::Tensor apart = full_divergence(group.log_p, before[g].log_p);
      sums.divergence += apart.item<double>();
      loss = loss + apart * options.divergence_weight;
    }
    torch::NoGradGuard guard;
    sums.entropy -= (group.log_p.exp() * group.log_p).sum().item<double>();
  }
  sums.loss = loss.item<double>();
  std::vector<torch::Tensor> inputs;
  for (const auto& [name, parameter] : net.parameters) inputs.push_back(parameter);
  gradient.set(torch::autograd::grad({loss / rollouts}, inputs, {}, /*retain_graph=*/{},
                                     /*create_graph=*/false, /*allow_unused=*/true));
  return sums;
}

}  // namespace veer::prorl

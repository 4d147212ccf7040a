#include "agents/fusion/learning/fusion_parts_net.h"
#include "env/error.h"

namespace veer::fusion {
namespace {

constexpr std::int64_t compared = 4;   ///< actions of log and policy in the discrepancy
constexpr double kernel_width = 20.0;  ///< sigma, not squared, as the authors have it
constexpr double widest_latent = 0.5;  ///< of the generative model, as in BCQ

}  // namespace

std::vector<DropoutPass> FusionParts::passes_of(Draw what, std::int32_t first, std::int32_t rows,
                                                std::int32_t count) const {
  const std::int64_t width = options.hidden;
  const float keep = 1.0F / (1.0F - options.dropout);
  std::vector<DropoutPass> out;
  std::vector<float> uniforms(at(2 * width * std::int64_t{count}));
  for (std::int32_t p = 0; p < count; ++p) {
    out.push_back({torch::empty({rows, width}), torch::empty({rows, width})});
  }
  for (std::int32_t r = 0; r < rows; ++r) {
    fill_uniform(draws().key(what, first + r), Stream::dropout, uniforms);
    const float* u = uniforms.data();
    for (DropoutPass& pass : out) {
      for (const torch::Tensor& mask : {pass.first, pass.second}) {
        float* to = mask.data_ptr<float>() + r * width;
        for (std::int64_t k = 0; k < width; ++k) to[k] = *u++ < options.dropout ? 0.0F : keep;
      }
    }
  }
  return out;
}

FusionParts::Weighed FusionParts::unsure_targets(std::int32_t first, std::int32_t count) const {
  const torch::NoGradGuard no_gradient;
  const nn::NetworkParameters judge = slow_critic.aliases();
  const std::int64_t samples = options.samples;
  const torch::Tensor next = states(true, first, count).repeat_interleave(samples, 0);
  const torch::Tensor noise = normals(Draw::next_action, first, count, samples * options.weights)
                                  .view({count * samples, options.weights});
  const torch::Tensor action = draw_actions(options, actor.aliases(), next, noise).actions;
  const std::vector<DropoutPass> passes = passes_of(Draw::next_passes, first, count, options.passes);
  const Belief one = believed_q(normed_critic(judge, "q1"), next, action, passes),
               two = believed_q(normed_critic(judge, "q2"), next, action, passes);
  const torch::Tensor mixed = options.pessimism * torch::minimum(one.mean, two.mean) +
                              (1.0 - options.pessimism) * torch::maximum(one.mean, two.mean);
  const torch::Tensor value = std::get<0>(mixed.view({count, samples}).max(1)).contiguous();
  // The authors' maxima are independent: the least sure action need not be the best one.
  const torch::Tensor unsure = std::get<0>((one.variance + two.variance).view({count, samples}).max(1));
  torch::Tensor y = torch::empty({count});
  for (std::int32_t r = 0; r < count; ++r) {
    const float goes_on = is_terminated(batch.end[at(first + r)]) ? 0.0F : options.discount;
    y.data_ptr<float>()[r] = batch.reward[at(first + r)] + goes_on * value.data_ptr<float>()[r];
  }
  return {y, certainty(unsure, double{options.doubt}, options.inverse_doubt)};
}

void FusionParts::learn_unsure_critic(std::int32_t first, std::int32_t count, ShardGradients& out) const {
  const nn::NetworkParameters judge = critic.aliases();
  const torch::Tensor s = states(false, first, count), taken = actions(first, count);
  const Weighed wanted = unsure_targets(first, count);
  const DropoutPass pass = passes_of(Draw::one_pass, first, count, 1).front();
  const torch::Tensor q1 = dropout_q(normed_critic(judge, "q1"), s, taken, pass),
                      q2 = dropout_q(normed_critic(judge, "q2"), s, taken, pass);
  // The weight stands inside the square, as released: certainty counts twice.
  const torch::Tensor loss = (wanted.weight * (q1 - wanted.target)).square().sum() +
                             (wanted.weight * (q2 - wanted.target)).square().sum();
  out.figures["critic_loss"] += loss.item<double>();
  out.figures["q"] += q1.sum().item<double>();
  out.figures["certainty"] += wanted.weight.sum().item<double>();
  out.set("critic", gradients_of(loss / batch.count, judge));
}

void FusionParts::learn_unsure_actor(std::int32_t first, std::int32_t count, ShardGradients& out) const {
  const nn::NetworkParameters net = actor.aliases(), judge = critic.aliases();
  const torch::Tensor s = states(false, first, count);
  torch::Tensor loss = torch::zeros({});
  if (!options.constrained || updates >= options.imitate_first) {
    const torch::Tensor action =
        draw_actions(options, net, s, normals(Draw::own_action, first, count, options.weights)).actions;
    const std::vector<DropoutPass> passes = passes_of(Draw::own_passes, first, count, options.passes);
    const Belief one = believed_q(normed_critic(judge, "q1"), s, action, passes),
                 two = believed_q(normed_critic(judge, "q2"), s, action, passes);
    const torch::Tensor weight =
        certainty((one.variance + two.variance).detach(), double{options.doubt}, options.inverse_doubt);
    loss = -(weight * torch::minimum(one.mean, two.mean)).sum();
  }
  if (options.constrained) {
    const nn::NetworkParameters heat = temperature.aliases();
    const torch::Tensor repeated = s.repeat_interleave(compared, 0);
    const std::int64_t weights = options.weights;
    const torch::Tensor drawn =
        draw_before_tanh(
            options, net, repeated,
            normals(Draw::proposal, first, count, compared * weights).view({count * compared, weights}))
            .view({count, compared, weights});
    torch::Tensor logged;
    {
      const torch::NoGradGuard no_gradient;
      const torch::Tensor latents = normals(Draw::own_latent, first, count, compared * 2 * weights)
                                        .view({count * compared, 2 * weights})
                                        .clamp(-widest_latent, widest_latent);
      logged = decode_before_tanh(generator.aliases(), repeated, latents).view({count, compared, weights});
    }
    const torch::Tensor apart = discrepancy(drawn, logged, kernel_width);
    const torch::Tensor log_price = heat.at("log_temperature").clamp(-5.0, 10.0);
    loss = loss + (log_price.detach().exp() * (apart - options.most_discrepancy)).sum();
    const torch::Tensor excess = apart.detach() - options.most_discrepancy;
    out.set("temperature", gradients_of(-(log_price.exp() * excess).sum() / batch.count, heat));
    out.figures["discrepancy"] += apart.sum().item<double>();
  }
  out.figures["actor_loss"] += loss.item<double>();
  out.set("actor", gradients_of(loss / batch.count, net));
}

}  // namespace veer::fusion

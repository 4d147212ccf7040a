#include "agents/fusion/fusion_model.h"

#include <algorithm>
#include <utility>

#include "agents/fusion/fusion_networks_net.h"
#include "env/error.h"
#include "env/random.h"

namespace veer::fusion {
namespace {

constexpr float widest_latent = 0.5F;  ///< BCQ's latents are cut to this when it acts

void check_scale(const StateScale& scale, std::int32_t features) {
  const auto wanted = at(features);
  const bool sound = scale.mean.size() == wanted && scale.deviation.size() == wanted &&
                     std::ranges::all_of(scale.deviation, [](float d) { return d > 0.0F; });
  if (sound) return;
  throw FormatError(Where{{}, 0, "scale of states"},
                    Problem{std::to_string(scale.mean.size()) + " means and " +
                                std::to_string(scale.deviation.size()) + " deviations",
                            std::to_string(features) + " of each, deviations above 0", ""});
}

}  // namespace

struct FusionModel::Weights {
  nn::NetworkParameters actor, critic, generator;
};

FusionModel::FusionModel(const FusionOptions& options, StateScale scale, const NamedArrays& actor,
                         const NamedArrays& critic, const NamedArrays& generator)
    : options_(options), scale_(std::move(scale)) {
  check_options(options_);
  check_scale(scale_, options_.features);
  const bool judges = options_.judges_candidates();
  using Layout = std::vector<nn::ParameterLayout>;
  const Layout critics = judges ? critic_layout(options_) : Layout{};
  const Layout generative = judges ? generator_layout(options_) : Layout{};
  weights_ = std::make_shared<const Weights>(Weights{
      nn::stored_parameters(actor_layout(options_), actor, "cpu", "fusion agent"),
      nn::stored_parameters(critics, judges ? critic : NamedArrays{}, "cpu", "critic"),
      nn::stored_parameters(generative, judges ? generator : NamedArrays{}, "cpu", "generative model")});
}

NamedArrays FusionModel::actor() const { return weights_->actor.to_arrays(); }
NamedArrays FusionModel::critic() const { return weights_->critic.to_arrays(); }
NamedArrays FusionModel::generator() const { return weights_->generator.to_arrays(); }

void FusionModel::act(View<const float> features, std::span<const StepKey> keys, Mode mode,
                      View<float> actions, std::span<float> log_prob) const {
  const torch::InferenceMode inference;
  const std::int64_t rows = features.rows(), width = options_.features, weights = options_.weights;
  const torch::Tensor states = standardised(features, scale_);
  const auto noise = [&](std::int32_t row, torch::Tensor& out) {
    fill_normal(keys[at(row)], Stream::policy, {out.data_ptr<float>(), at(out.numel())});
  };
  std::ranges::fill(log_prob, 0.0F);
  torch::Tensor chosen;
  if (options_.kind == FusionKind::bcq) {
    // One row at a time: its candidates depend on nothing else, and stay in cache.
    chosen = torch::empty({rows, weights});
    torch::Tensor latents = torch::empty({options_.candidates, 2 * weights});
    for (std::int32_t r = 0; r < features.rows(); ++r) {
      noise(r, latents);
      const torch::Tensor repeated = states[r].unsqueeze(0).expand({options_.candidates, width});
      const torch::Tensor candidates =
          perturb(options_, weights_->actor, repeated,
                  decode(weights_->generator, repeated, latents.clamp(-widest_latent, widest_latent)));
      const torch::Tensor value = q_value(weights_->critic, "q1", repeated, candidates);
      chosen[r] = candidates[value.argmax().item<std::int64_t>()];
    }
  } else if (options_.is_stochastic() && mode == Mode::sample) {
    torch::Tensor all = torch::empty({rows, weights});
    for (std::int32_t r = 0; r < features.rows(); ++r) {
      torch::Tensor row = all[r];
      noise(r, row);
    }
    const DrawnActions drawn = draw_actions(options_, weights_->actor, states, all);
    chosen = drawn.actions;
    const torch::Tensor density = drawn.log_prob.contiguous();
    std::copy_n(density.data_ptr<float>(), rows, log_prob.begin());
  } else {
    chosen = best_guess(options_, weights_->actor, states);
  }
  chosen = chosen.contiguous();
  const float* from = chosen.data_ptr<float>();
  for (std::int32_t r = 0; r < features.rows(); ++r, from += weights) {
    // A rounded tanh is at most 1; that it is never more is what worlds ask for.
    std::transform(from, from + weights, actions.row(r).begin(),
                   [](float value) { return std::clamp(value, -1.0F, 1.0F); });
  }
}

namespace {

class FusionPolicy final : public Policy {
 public:
  FusionPolicy(FusionModel model, const std::string& name) : model_(std::move(model)) {
    spec_ = {.name = name, .action = ActionKind::vector, .width = model_.options().weights};
  }

  const PolicySpec& spec() const noexcept override { return spec_; }

  void act(Rows rows, const Observation& seen, PolicyState&, Actions& actions, Mode mode) const override {
    if (seen.features.width() != model_.options().features) {
      throw ConfigError({{}, 0, "policy " + spec_.name},
                        {"a world with " + std::to_string(seen.features.width()) + " features",
                         std::to_string(model_.options().features) + ", as it was trained with", ""});
    }
    // All rows of the shard, so that a row's bits do not depend on which others are active.
    std::vector<StepKey> keys;
    for (std::int32_t row = 0; row < seen.rows(); ++row) keys.push_back(seen.key(row));
    std::vector<float> chosen(at(seen.rows()) * at(spec_.width)), log_prob(at(seen.rows()));
    model_.act(seen.features, keys, mode, View<float>(chosen.data(), seen.rows(), spec_.width), log_prob);
    for (const std::int32_t row : rows) {
      std::copy_n(chosen.data() + at(row) * at(spec_.width), spec_.width, actions.reals.row(row).begin());
      actions.log_prob(row) = log_prob[at(row)];
    }
  }

 private:
  FusionModel model_;
  PolicySpec spec_;
};

}  // namespace

std::shared_ptr<const Policy> make_fusion_policy(const FusionModel& model, const std::string& name) {
  return std::make_shared<FusionPolicy>(model, name);
}

}  // namespace veer::fusion

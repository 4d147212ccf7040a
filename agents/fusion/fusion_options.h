// The agents that set fusion weights, learned from logged transitions, and their settings. Torch-free.
//
// Sources: DDPG (Lillicrap et al. 2016), TD3 (Fujimoto, van Hoof, Meger 2018), TD3+BC (Fujimoto, Gu 2021),
// BCQ (Fujimoto, Meger, Precup 2019), CQL(H) on SAC (Kumar et al. 2020), IQL (Kostrikov, Nair, Levine 2022),
// UWAC on BEAR (Wu et al. 2021).
// Defaults are those of the authors' code but for the discount, which is that of BatchRL-MTF (KDD 2022).
// Value types and pure functions; safe from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "env/nn/hyper_parameters.h"
#include "env/nn/parameter_layout.h"

namespace veer::fusion {

enum class FusionKind : std::uint8_t {
  bc,      ///< behaviour cloning: regression of the logged action
  ddpg,    ///< one critic, one actor that climbs it
  td3,     ///< two critics, smoothed targets, delayed actor
  td3_bc,  ///< TD3 whose actor also imitates the log
  bcq,  ///< actions that a generative model of the log would take, perturbed a little, the best by the critic
  cql,  ///< SAC whose critics are held down where the log has no action
  iql,  ///< values by expectile regression on logged actions alone, advantage-weighted imitation
  uwac,  ///< critics that count less where dropout says they are unsure; an actor near a model of the log
};
inline constexpr std::array<std::string_view, 8> fusion_kind_names{"bc",  "ddpg", "td3", "td3_bc",
                                                                   "bcq", "cql",  "iql", "uwac"};

struct FusionOptions {
  FusionKind kind = FusionKind::td3;
  std::int32_t features = 0;  ///< F, width of a state
  std::int32_t weights = 0;   ///< A, width of an action, each within -1..1
  std::int32_t hidden = 256;  ///< width of hidden layers; of BCQ's second ones three quarters of it
  std::int32_t batch = 256;
  float discount = 0.95F;
  float target_rate = 0.005F;     ///< how far slow copies move ...
  std::int32_t target_every = 1;  ///< ... every so many updates
  float actor_rate = 3e-4F, critic_rate = 3e-4F;
  float target_noise = 0.2F, target_clip = 0.5F;  ///< TD3: of the next action
  std::int32_t actor_every = 2;                   ///< TD3: critic updates per actor update
  float imitation = 2.5F;                         ///< TD3+BC: alpha, the weight of the critic
  float reach = 0.05F;                            ///< BCQ: how far an action may be perturbed
  float pessimism = 0.75F;                        ///< BCQ, UWAC: share of the smaller critic in a target
  std::int32_t vae_hidden = 750;                  ///< BCQ, UWAC: of the generative model of the log
  float vae_rate = 1e-3F;                         ///< its learning rate
  std::int32_t samples = 10;      ///< BCQ, UWAC: candidates in a target; CQL: actions from each proposal
  std::int32_t candidates = 100;  ///< BCQ: candidates when it acts
  float conservatism = 1.0F;      ///< CQL: weight of the term that holds critics down
  /// CQL, UWAC: updates in which the actor imitates before it climbs the critic (the authors': 40,000).
  std::int64_t imitate_first = 0;
  float expectile = 0.7F;            ///< IQL: kappa
  float inverse_temperature = 3.0F;  ///< IQL: beta
  float dropout = 0.1F;              ///< UWAC: of the critics' hidden layers, always
  std::int32_t passes = 100;         ///< UWAC: through the dropout that say how sure a critic is, 2 or more
  float doubt = 0.5F;                ///< UWAC: beta, how much variance counts
  bool inverse_doubt = false;        ///< UWAC: weights of the paper's form instead of the code's
  bool constrained = true;           ///< UWAC: the actor stays near the log; false: UWAC + TD3
  float most_discrepancy = 0.07F;    ///< UWAC: how near, by maximum mean discrepancy

  bool has_critic() const noexcept { return kind != FusionKind::bc; }
  bool has_twin() const noexcept { return has_critic() && kind != FusionKind::ddpg; }
  bool has_value() const noexcept { return kind == FusionKind::iql; }
  /// Whether it acts by judging candidates: acting then needs critic and generative model.
  bool judges_candidates() const noexcept { return kind == FusionKind::bcq; }
  bool has_generator() const noexcept { return kind == FusionKind::bcq || kind == FusionKind::uwac; }
  /// Whether actions are drawn from a squashed normal distribution, rather than computed.
  bool is_stochastic() const noexcept {
    return kind == FusionKind::cql || kind == FusionKind::iql || kind == FusionKind::uwac;
  }

  nn::HyperParameters to_hyper_parameters() const;
  /// Throws FormatError.
  static FusionOptions from_hyper_parameters(const nn::HyperParameters& from);
};

/// As the authors set them. REQUIRES: features >= 1, weights >= 1.
FusionOptions fusion_defaults(FusionKind kind, std::int32_t features, std::int32_t weights);
/// The same agent as BatchRL-MTF (KDD 2022) sets it: wider perturbation, the smaller critic alone, smaller
/// learning rates, targets that move 5 % every tenth update, batches of 256.
FusionOptions industrial_preset(FusionOptions options);
/// Throws ConfigError naming the field.
void check_options(const FusionOptions& options);

/// "actor": the policy (BCQ: the perturbation); CQL's has a mean and a log deviation per weight, IQL's a row
/// "actor.log_deviation". BCQ: also "encoder" and "decoder" of its generative model, in a set of their own.
std::vector<nn::ParameterLayout> actor_layout(const FusionOptions& options);
/// "q1", "q2", and for IQL "value".
std::vector<nn::ParameterLayout> critic_layout(const FusionOptions& options);
/// BCQ's generative model; empty for the others.
std::vector<nn::ParameterLayout> generator_layout(const FusionOptions& options);
/// Linear layers of the actor.
std::int32_t actor_layers(const FusionOptions& options) noexcept;

}  // namespace veer::fusion

// The baselines that slate agents are compared with. All read histories with the encoder of HSRL and act in
// the space of item vectors: the state s is a vector Z that scores items by <Z, g(x)>, g the encoder's item
// map; they differ in how they learn and in what is made of Z. Torch-free value types; pure functions.
//
// Sources: A2C, DDPG, supervised and HAC as released with Liu et al., "Exploration and regularization of the
// latent action space in recommendation" (WWW 2023), with the bootstrap mask set right; Dulac-Arnold et al.,
// "Deep reinforcement learning in large discrete action spaces" (2015); Ie et al., "SlateQ" (IJCAI 2019).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "agents/slate/networks/history_encoder.h"
#include "env/nn/hyper_parameters.h"
#include "env/nn/parameter_layout.h"

namespace veer::slate {

enum class LatentKind : std::uint8_t {
  a2c,           ///< softmax over all items, drawn without replacement; advantage of a state value
  ddpg,          ///< Z is the action: Q(s, Z), the slate its projection on the catalogue
  hac,           ///< DDPG on the slate's mean item vector, kept near Z by an alignment loss; and clicks
  supervised,    ///< clicks alone: sigmoid(<s, g(x)>) against the answers to its own slates
  wolpertinger,  ///< the items nearest to Z, of which those with the highest Q(s, g(x))
  slateq,        ///< item-wise Q(s, g(x)), weighed by a learned choice model
};
inline constexpr std::array<std::string_view, 6> latent_names{"a2c",        "ddpg",         "hac",
                                                              "supervised", "wolpertinger", "slateq"};

struct LatentOptions {
  LatentKind kind = LatentKind::ddpg;
  HistoryEncoderConfig encoder;
  float noise = 0.1F;             ///< Z + clamp(noise * U[0, 1), -1, 1) per value, in Mode::sample (not A2C)
  float explore = 0.0F;           ///< how often Z is that noise alone
  bool acting_dropout = false;    ///< the encoder's dropout stays on in Mode::sample, as released
  std::int32_t candidates = 100;  ///< Wolpertinger, SlateQ: items whose Q is looked at
  float discount = 0.9F;
  float target_rate = 0.01F;
  std::int32_t batch = 64;
  float actor_rate = 1e-4F;
  float critic_rate = 1e-3F;
  float weight_decay = 0.0F;  ///< coupled
  float critic_dropout = 0.0F;
  float entropy = 0.0F;    ///< A2C
  float alignment = 0.1F;  ///< HAC: lambda
  float clicks = 1.0F;     ///< weight of the answers' loss: HAC, supervised, SlateQ's choice model

  bool has_critic() const noexcept { return kind != LatentKind::supervised; }
  bool judges_items() const noexcept {
    return kind == LatentKind::wolpertinger || kind == LatentKind::slateq;
  }
  /// Width of what the critic reads: the state, or the state beside an action or an item.
  std::int32_t critic_inputs() const noexcept { return encoder.width * (kind == LatentKind::a2c ? 1 : 2); }

  nn::HyperParameters to_hyper_parameters() const;
  static LatentOptions from_hyper_parameters(const nn::HyperParameters& from);  ///< throws FormatError
};

/// Defaults of a kind: the encoder of the released baselines (feed-forward width 64), and the actor's rate
/// that did best of a few in rl4rs-session after 60,000 slates. The released scripts have 3e-5 for A2C and
/// 1e-4 for the others, for ten and more times as many slates.
LatentOptions latent_defaults(LatentKind kind, std::int32_t features);
/// Throws ConfigError naming the field.
void check_options(const LatentOptions& options);
std::vector<nn::ParameterLayout> actor_layout(const LatentOptions& options);
/// "value"; empty for the supervised agent.
std::vector<nn::ParameterLayout> critic_layout(const LatentOptions& options);

}  // namespace veer::slate

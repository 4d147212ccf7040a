// Everything that makes an HSRL agent: the network that chooses semantic tokens level by level, its critic,
// how it acts and how it learns. Torch-free value types; pure functions.
//
// Source: Wang et al., "Hierarchical semantic RL: tackling the problem of dynamic action space for RL-based
// recommendations" (arXiv 2510.09167), and its released code, whose defects the profile `reference` keeps.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agents/slate/networks/history_encoder.h"
#include "env/nn/hyper_parameters.h"
#include "env/nn/parameter_layout.h"

namespace veer::slate {

/// What is taken off a context before the next level reads it.
enum class Residual : std::uint8_t {
  soft,     ///< the expected token vector: given the state, levels are independent (released code)
  sampled,  ///< the vector of the token that was chosen: levels depend on the tokens before (paper)
};
inline constexpr std::array<std::string_view, 2> residual_names{"soft", "sampled"};

enum class CriticForm : std::uint8_t {
  shared,     ///< one network values all contexts (released code)
  per_level,  ///< one network per context
  state,      ///< one value of the state alone: no levels
};
inline constexpr std::array<std::string_view, 3> critic_names{"shared", "per_level", "state"};

/// Which advantage a level's tokens are weighted with.
enum class Credit : std::uint8_t {
  shared,  ///< one for all levels: target - weighted value (released code)
  level,   ///< target - value of the context that chose the token; every level's value learns the target
};
inline constexpr std::array<std::string_view, 2> credit_names{"shared", "level"};

/// When the next state's value counts in the target.
enum class Bootstrap : std::uint8_t {
  unless_terminated,  ///< truncated episodes go on
  only_at_ends,       ///< the mask inverted, as released
};
inline constexpr std::array<std::string_view, 2> bootstrap_names{"unless_terminated", "only_at_ends"};

/// What the behaviour-cloning term compares with the answers to a slate's items.
enum class Cloning : std::uint8_t {
  logits,  ///< sigmoid(sum of the token logits)
  shares,  ///< sigmoid(share of the item's probability among the slate's), between 0.5 and 0.731 (as
           ///< released)
};
inline constexpr std::array<std::string_view, 2> cloning_names{"logits", "shares"};

struct HsrlOptions {
  HistoryEncoderConfig encoder;
  std::int32_t levels = 3;
  std::int32_t vocabulary = 16;  ///< V: tokens per level in the network; at least the catalogue's codes
  Residual residual = Residual::soft;
  /// Factor on the logits before they become probabilities, 1 in the released code. Cloning reads the logits
  /// without it: they say how likely a click is, the sharper policy how often that is worth a place.
  float sharpness = 1.0F;

  // Acting in Mode::sample.
  float explore = 0.0F;    ///< epsilon: share of an even distribution over items
  float best_rate = 0.0F;  ///< how often the most probable slate is shown instead of a draw
  bool acting_dropout = false;

  // Critic.
  CriticForm critic = CriticForm::shared;
  bool learned_level_weights = true;
  Credit credit = Credit::shared;
  float critic_dropout = 0.2F;
  Bootstrap bootstrap = Bootstrap::unless_terminated;
  bool target_dropout = false;

  // Learning.
  float discount = 0.9F;
  float target_rate = 0.01F;  ///< tau: how far targets move after an update
  std::int32_t batch = 64;
  float actor_rate = 1e-3F;
  float critic_rate = 1e-3F;
  float weight_decay = 0.0F;  ///< added to gradients as weight_decay * value (coupled)
  float entropy = 0.1F;       ///< weight of the tokens' negative entropy, summed over levels
  float most_advantage = 1.0F;
  /// The log-probability of drawing the slate without replacement from the items that may be shown, instead
  /// of the sum of its tokens' log-probabilities over the whole vocabulary.
  bool exact_likelihood = true;
  float most_importance = 0.0F;  ///< clips probability now / probability then, which weighs the slate; 0: 1
  /// Padding in training has the vector of the catalogue's last item (released code).
  bool last_item_pads = false;

  float cloning_rate = 0.0F;  ///< learning rate of behaviour cloning; 0: none
  float cloning_decay = 0.0F;
  Cloning cloning = Cloning::logits;

  nn::HyperParameters to_hyper_parameters() const;
  static HsrlOptions from_hyper_parameters(const nn::HyperParameters& from);  ///< throws FormatError
};

/// "reference": the released code of the agent, defects included, but that a terminal step keeps its own
/// person's next state. "fixed": the same with the bootstrap mask and the padding set right.
/// "recommended": vocabulary of the codebooks' size, no dropout while acting or in targets, exploration by
/// drawing slates and nothing else (no entropy bonus), exact likelihood, learned level weights. Throws
/// ConfigError for another name. `codes`: of the catalogue, per level; `features`: width of its vectors.
HsrlOptions hsrl_profile(std::string_view name, std::int32_t levels, std::int32_t codes,
                         std::int32_t features);
inline constexpr std::array<std::string_view, 3> hsrl_profiles{"reference", "fixed", "recommended"};

/// Throws ConfigError naming the field.
void check_options(const HsrlOptions& options);

/// The policy: the encoder's parameters, then per level l "levels.l.head.{weight [V, d], bias [V]}",
/// "levels.l.tokens" [V, d] and "levels.l.norm.{weight, bias}" [d]: 78,496 values at V = 256, D = 40, L = 3.
std::vector<nn::ParameterLayout> actor_layout(const HsrlOptions& options);
/// The critic: "value" (or "value.0", "value.1", ... per level) as value_network.h names it, and
/// "level_weights" [L + 1], the logits of the weights, which start even.
std::vector<nn::ParameterLayout> critic_layout(const HsrlOptions& options);

}  // namespace veer::slate

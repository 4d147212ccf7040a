// The offline next-item agents and everything that makes one of them: which losses, which rates, which
// prompts. Torch-free value types.
//
// Sources: SQN and SAC: Xin et al., SIGIR 2020 (arXiv 2006.05779); SNQN and SA2C: Xin et al., "Supervised
// advantage actor-critic for recommender systems", WSDM 2022 (arXiv 2111.03474); PRL: Xin et al., "Rethinking
// reinforcement learning for recommendation: a prompt perspective", SIGIR 2022 (arXiv 2206.07353); discrete
// CQL: Kumar et al., NeurIPS 2020; discrete BCQ: Fujimoto et al., 2019 (arXiv 1910.01708). Defaults are those
// of the released code unless said otherwise; "SAC" is self-supervised actor-critic, not soft actor-critic.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "agents/offline/session_log.h"
#include "env/nn/hyper_parameters.h"
#include "env/nn/state_encoders/state_encoder.h"

namespace veer::offline {

enum class AgentKind : std::uint8_t {
  supervised,  ///< cross-entropy of the next item
  weighted,    ///< the same, each event weighted by its reward
  auxiliary,   ///< and a second head that learns the event's own reward: a proxy target without bootstrap
  sqn,         ///< and a second head that learns action values (double Q-learning)
  sac,         ///< SQN, whose cross-entropy is weighted by the action value after a while
  snqn,        ///< SQN with sampled negative actions
  sa2c,        ///< SNQN, whose cross-entropy is weighted by the advantage after a while
  cql,         ///< action values alone, held down where the log has no action (discrete CQL)
  bcq,  ///< action values among what the log might hold: an imitating head bars the rest (discrete BCQ)
  prl,  ///< return-conditioned cross-entropy: a prompt says what return is wanted
};
inline constexpr std::array<std::string_view, 10> agent_names{
    "supervised", "weighted", "auxiliary", "sqn", "sac", "snqn", "sa2c", "cql", "bcq", "prl"};

/// How PRL reads state, step and wanted return together.
enum class PromptForm : std::uint8_t {
  attention,  ///< self-attention over the three
  mean,       ///< their mean
  mlp,        ///< two layers over the three side by side
  none,       ///< the attention block over the state alone: what the block does without a prompt
};
inline constexpr std::array<std::string_view, 4> prompt_names{"attention", "mean", "mlp", "none"};

/// What PRL's cross-entropy is weighted by.
enum class PromptWeighting : std::uint8_t {
  reward,      ///< the event's own reward
  none,        ///< 1
  cumulative,  ///< the return that was collected from the event on
  normalised,  ///< that return over its mean at the step, as one released script weighs
};
inline constexpr std::array<std::string_view, 4> weighting_names{"reward", "none", "cumulative",
                                                                 "normalised"};

/// Steps that prompts tell apart; later ones count as the last.
inline constexpr std::int32_t prompt_steps = 50;

struct PromptOptions {
  PromptForm form = PromptForm::attention;
  PromptWeighting weighting = PromptWeighting::reward;
  float dropout = 0.3F;
  float wanted = 2.0F;     ///< mu: the return asked for, as a multiple of the mean return at that step
  float deviation = 0.0F;  ///< epsilon: standard deviation of that multiple, drawn per event
  float decay = 1.0F;      ///< lambda of the return
  /// As released: the means are over the sessions of all people, those that the agent is judged by included.
  bool released_means = false;
  /// SASRec as in the released code: the three rows, without a norm, attend to the encoded items (padding is
  /// told by its vector's sum being zero, which stops being true once training has begun) instead of to each
  /// other. Only the row of the state is read, so the wanted return then reaches no score.
  bool released_sasrec = false;
};

struct AgentOptions {
  AgentKind kind = AgentKind::supervised;
  nn::StateEncoderConfig encoder;
  EventRewards rewards;
  float learning_rate = 0.005F;
  std::int32_t batch = 256;
  float discount = 0.5F;  ///< gamma

  std::int32_t negatives = 10;     ///< SNQN, SA2C: sampled actions per event
  float value_weight = 1.0F;       ///< omega: of the action values' loss in SNQN, and in SA2C's second phase
  float negative_reward = 0.0F;    ///< of a sampled negative action
  std::int64_t switch_at = 15000;  ///< SAC, SA2C: updates before the cross-entropy is weighted
  float second_rate = 0.001F;      ///< SA2C: learning rate from then on (SAC keeps learning_rate)
  float least_advantage = 0.0F, most_advantage = 10.0F;  ///< SA2C
  bool clips_advantage = true;
  float smoothing = 0.0F;            ///< SA2C: exponent of the propensity weight; 0: no correction
  float conservatism = 0.5F;         ///< CQL: alpha
  float imitation_threshold = 0.3F;  ///< BCQ: items of more than this times the likeliest item's probability
  float imitation_penalty = 0.01F;   ///< BCQ: of the mean square of the imitating head's scores
  bool target_dropout = false;       ///< as released: next states are read with dropout
  PromptOptions prompt;

  bool learns_values() const noexcept { return kind >= AgentKind::auxiliary && kind <= AgentKind::bcq; }
  /// Two whole networks that take turns as the learner and the target.
  bool has_twin() const noexcept { return kind >= AgentKind::sqn && kind <= AgentKind::bcq; }
  bool samples_negatives() const noexcept { return kind == AgentKind::snqn || kind == AgentKind::sa2c; }
  bool switches() const noexcept { return kind == AgentKind::sac || kind == AgentKind::sa2c; }
  bool has_prompt() const noexcept { return kind == AgentKind::prl; }
  /// Action values rank what the cross-entropy's head allows.
  bool bars_items() const noexcept { return kind == AgentKind::bcq; }
  /// Which head ranks: action values for CQL, both for BCQ, the cross-entropy's for all others.
  bool ranks_by_values() const noexcept { return kind == AgentKind::cql; }

  /// All of it as text, for model files and checkpoints.
  nn::HyperParameters to_hyper_parameters() const;
};

/// Throws ConfigError naming the field.
void check_options(const AgentOptions& options);
/// What a model file needs to rank: kind, encoder and prompt. Throws FormatError for words that are none.
AgentOptions read_agent(const nn::HyperParameters& from);

}  // namespace veer::offline

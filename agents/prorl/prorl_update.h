// One update of a path policy by ProRL: rollouts for each prompt, step rewards from a user model, centring,
// advantages by position, one optimiser step. Torch-free header.
//
// Source: Hou et al., "ProRL: Effective reinforcement learning for proactive recommendation via rectified
// policy gradient estimation" (arXiv 2605.28293). Not thread-safe: one thread calls, inside the arena whose
// workers shall help. Determinism: weights are a function of the start, the seed and the prompts, never of
// the number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "agents/generative/path_writer.h"
#include "agents/prorl/advantages.h"
#include "agents/prorl/critic.h"
#include "agents/prorl/reward_centring.h"
#include "env/learner.h"
#include "env/nn/training/adam.h"
#include "env/user_model.h"

namespace veer::prorl {

enum class Divergence : std::uint8_t {
  none,
  full,       ///< KL(policy, policy at the start) over all alternatives at every token: a real constraint
  log_ratio,  ///< the log-ratio of the chosen tokens used as a loss, as in the released code: its gradient
              ///< does not depend on the start, and only shifts every advantage by a constant
};
inline constexpr std::string_view divergence_names[] = {"none", "full", "log_ratio"};

struct UpdateOptions {
  PathRules rules;
  WriteOptions rollouts{.per_prompt = 16};
  Estimator estimator = Estimator::position;
  double discount = 1.0;
  CriticOptions critic;  ///< Estimator::critic only
  CentringOptions rewards;
  /// Updates from which the centring's statistics are learned; afterwards they stay as they are. 0: in
  /// train_prorl the first pass over the prompts, as published; in ProRlUpdate alone every update.
  std::int64_t centring_updates = 0;
  Divergence divergence = Divergence::full;
  double divergence_weight = 0.01;
  /// An item's log-probability is the mean over its tokens instead of their sum, as in the released code: a
  /// decision to stop then weighs as much as a whole item's tokens together.
  bool mean_over_tokens = false;
  nn::AdamOptions adam{.learning_rate = 1e-4F, .weight_decay = 0.05F};
  double most_gradient = 1.0;
  std::int32_t shard_prompts = 4;  ///< a shard of the gradient
};

class ProRlUpdate {
 public:
  /// `users` must outlive the updates. Throws ConfigError for options out of range or a user model of another
  /// catalogue.
  ProRlUpdate(const PathModel& start, const UserModel& users, const UpdateOptions& options);
  ~ProRlUpdate();

  /// One step on these prompts; each prompt's key draws its rollouts. The figures: "interest", "rank",
  /// "acceptance" (sums over the path, the last a mean over its items), "reward" (fused, over the path),
  /// "length", "ended", "divergence", "entropy" (per token), "advantage_variance", "alone", "gradient",
  /// "invalid", "empty"; with a critic "critic_error", the mean square of what it had not expected.
  UpdateStats update(std::span<const PathPrompt> prompts, float learning_rate);

  /// What the present policy's greedy paths are worth to the user model, without learning: "interest",
  /// "rank", "acceptance" (of a path: the mean over its items) and "length" as means over prompts, the first
  /// three also as "..._deviation", the standard deviation over prompts.
  UpdateStats evaluate(std::span<const PathPrompt> prompts) const;

  PathModel snapshot() const;
  std::int64_t updates() const noexcept;
  NamedArrays state() const;
  void restore(const NamedArrays& state);  ///< throws FormatError

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veer::prorl

// A trained offline agent as it ranks: from the last few items (and, for PRL, a wanted return) to a score of
// every item. Torch-free header.
//
// Thread-safety: immutable, shared by all workers; the batch functions use the workers of the caller's arena.
// Copies share the weights.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "agents/offline/agent_options.h"
#include "env/batch.h"
#include "env/named_arrays.h"
#include "env/nn/state_encoders/state_batch.h"

namespace veer::offline {

class OfflineModel {
 public:
  /// Arrays "network/...", "items/...", "head/..." as to_arrays() gives them; `mean_returns` [prompt_steps]
  /// of the training sessions, empty for agents without a prompt. Throws FormatError where names, shapes or
  /// sizes do not fit.
  static OfflineModel from_arrays(const AgentOptions& options, std::int32_t items, const NamedArrays& arrays,
                                  std::vector<float> mean_returns);
  NamedArrays to_arrays() const;

  const AgentOptions& options() const noexcept { return options_; }
  /// The same weights, asking for another return (PRL): a multiple of the mean return at each step, with this
  /// standard deviation. Throws ConfigError for an agent without a prompt or values out of range.
  OfflineModel wanting(float wanted, float deviation) const;
  std::int32_t items() const noexcept;
  std::int64_t parameters() const noexcept;
  std::span<const float> mean_returns() const noexcept;

  /// What the head reads of each state, [B, width()]. `ratio` and `step` [B] are only read by agents with a
  /// prompt: the wanted return as a multiple of the mean, and the place in the session (see prompt_step).
  std::int32_t width() const noexcept;
  void read(const nn::StateBatch& states, std::span<const float> ratio, std::span<const std::int32_t> step,
            View<float> out) const;
  /// Rank of each target among all items: 1 + items that score more + items that score the same and have a
  /// smaller id. Nothing is masked; of BCQ, items that it bars come behind all others.
  void ranks(View<const float> read, std::span<const ItemId> targets, std::span<std::int32_t> out) const;
  /// out(r, j) = the score of items(r, j) after state r, on the scale of scores().
  void scores_of(View<const float> read, View<const ItemId> items, View<float> out) const;
  /// Scores of all items, out[i - 1] of item i; of BCQ as allowed_scores() says.
  void scores(std::span<const float> read, std::span<float> out) const;

 private:
  struct Weights;
  OfflineModel(const AgentOptions& options, std::shared_ptr<const Weights> weights)
      : options_(options), weights_(std::move(weights)) {}
  AgentOptions options_;
  std::shared_ptr<const Weights> weights_;
};

/// Parameters that such a model is stored with: encoder and prompt, item vectors, the heads that rank.
std::int64_t parameter_count(const AgentOptions& options, std::int32_t items);

}  // namespace veer::offline

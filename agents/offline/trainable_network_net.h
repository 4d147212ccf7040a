// One network of an offline agent while it learns: encoder and prompt, item vectors, and a head per loss.
// Needs LibTorch: include it from .cpp files only.
//
// Not thread-safe: one thread calls, inside the arena whose workers shall help.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "agents/offline/agent_options.h"
#include "agents/offline/prompt_block_net.h"
#include "env/named_arrays.h"
#include "env/nn/catalogue_training/allowed_items.h"
#include "env/nn/catalogue_training/catalogue_head.h"
#include "env/nn/catalogue_training/encoder_step_net.h"

namespace veer::offline {

/// Parameters of encoder and prompt: all but the tables with a row per item.
std::vector<nn::ParameterLayout> network_layout(const AgentOptions& options);

class TrainableNetwork {
 public:
  /// Fresh weights. `twin` numbers the networks of one agent: they begin differently.
  TrainableNetwork(const AgentOptions& options, std::int32_t items, std::uint64_t seed, std::uint32_t twin);

  /// The network below the heads with this read-out.
  nn::EncoderNet below(const nn::ReadOut& read_out = nullptr);
  nn::CatalogueTable* policy_head() noexcept { return policy_ ? &*policy_ : nullptr; }  ///< cross-entropy's
  nn::CatalogueTable* value_head() noexcept { return value_ ? &*value_ : nullptr; }     ///< action values
  /// Both heads as BCQ reads them. REQUIRES: an agent that bars items.
  nn::ImitatedValues imitated_values() const {
    return {policy_->weights(), value_->weights(), options_.imitation_threshold};
  }
  nn::CatalogueTable& ranking_head() noexcept { return options_.ranks_by_values() ? *value_ : *policy_; }

  /// One step of Adam everywhere.
  void update(const nn::AdamOptions& adam);
  /// A new optimiser over the same weights.
  void restart_optimiser();

  /// As OfflineModel::from_arrays() reads them.
  NamedArrays ranking_arrays() const;
  NamedArrays state() const;
  void restore(const NamedArrays& state);  ///< throws FormatError

 private:
  AgentOptions options_;
  std::unique_ptr<nn::FlatParameters> parameters_;
  nn::CatalogueTable items_;
  std::optional<nn::CatalogueTable> policy_, value_;
};

}  // namespace veer::offline

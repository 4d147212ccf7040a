// The weights of a baseline and how it makes slates of states. Torch-free header.
//
// Thread-safety: immutable, shared by all workers. Ownership: copies share the weights.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agents/slate/latent/latent_options.h"
#include "env/named_arrays.h"
#include "env/policy.h"
#include "env/random.h"

namespace veer::slate {

/// Item vectors [N+1, features] that agents of one run share; row 0 is taken as zero.
struct ItemVectors {
  std::int32_t width = 0;
  std::vector<float> values;

  explicit ItemVectors(View<const float> vectors);
  std::int32_t items() const noexcept { return static_cast<std::int32_t>(values.size()) / width - 1; }
  View<const float> view() const noexcept { return {values.data(), items() + 1, width}; }
};

class LatentModel {
 public:
  /// `critic` is read by agents that judge items when they act, and by nobody else. Throws FormatError when
  /// names or shapes do not fit, ConfigError for options out of range or vectors of another width.
  LatentModel(const LatentOptions& options, std::shared_ptr<const ItemVectors> vectors,
              const NamedArrays& actor, const NamedArrays& critic);

  /// The same weights on another catalogue: items with these vectors, of which `gone` are not shown (they may
  /// stand in histories). Throws ConfigError for vectors of another width or too few items left.
  LatentModel on(std::shared_ptr<const ItemVectors> vectors, std::vector<ItemId> gone) const;

  const LatentOptions& options() const noexcept { return options_; }
  const ItemVectors& vectors() const noexcept { return *vectors_; }
  std::int32_t shown() const noexcept {  ///< items that may be shown
    return vectors_->items() - static_cast<std::int32_t>(gone_.size());
  }
  NamedArrays actor() const;
  NamedArrays critic() const;  ///< empty for agents that do not read it

  /// States, [rows, width] packed. `keys`: empty, or one per row for the encoder's dropout.
  std::vector<float> read(View<const ItemId> history, View<const std::int32_t> size,
                          std::span<const StepKey> keys) const;
  /// Greedy slates of actions [rows, width] (states where no noise was added), best first, equal scores by
  /// ascending id. `states` are read by agents that judge items.
  void slates(View<const float> states, View<const float> actions, View<ItemId> out) const;
  /// Scores of all items, out[i - 1] of item i; -infinity of those that are not shown.
  void scores(std::span<const float> action, std::span<float> out) const;

 private:
  struct Weights;
  LatentOptions options_;
  std::shared_ptr<const ItemVectors> vectors_;
  std::shared_ptr<const Weights> weights_;
  std::vector<ItemId> gone_;
};

/// Slates of `slots` distinct items. Its state per row is the action Z it took: what the critic learns from.
/// Throws ConfigError when the catalogue has fewer items.
std::shared_ptr<const Policy> make_latent_policy(const LatentModel& model, std::int32_t slots,
                                                 const std::string& name);

}  // namespace veer::slate

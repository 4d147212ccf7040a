// Two agents that share a page, learned while they act: one orders the items, the other chooses the slots
// that go to ads, both by Q-learning with a target network.
//
//   ads    y = reward + discount * max over masks m of Q'(s', m)    for the mask that was shown
//   items  y = experience + coupling * revenue + discount * max over items of Q'(s', item, 0)
//          for every item that was shown, at its rank
//
// `reward` is what the world weighs; the terms called experience and revenue stand second and first. The
// released code of Cross-DQN regresses on the immediate reward; a discount of 0 does that. Acting explores
// with probability `exploration`: any mask, and as often any order.
//
// Not thread-safe but for snapshots, which are immutable. Deterministic: draws are keyed by the seed and the
// number of the update.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agents/ads/page_values.h"
#include "env/learner.h"

namespace veer::ads {

struct CrossDqnOptions {
  PageLayout layout;
  std::int32_t hidden = 32;
  std::int32_t batch = 32;
  float discount = 0.95F;  ///< 0 up to, not with, 1
  float rate = 1e-3F;
  float target_rate = 0.01F;  ///< of the slow copies, per update
  float exploration = 0.1F;   ///< 0..1
  float coupling = 0.0F;      ///< how much of the revenue counts for the order of the items
  bool orders_items = true;   ///< false: items go by chance of a click, and only ads are learned
};

class CrossDqnLearner final : public Learner {
 public:
  /// Throws ConfigError for options out of range.
  CrossDqnLearner(const CrossDqnOptions& options, std::uint64_t seed);

  /// "ads_loss", "items_loss": mean squared errors. Throws ConfigError for transitions of other widths.
  UpdateStats update(const TransitionSource&) override;
  std::shared_ptr<const Policy> snapshot() const override;
  void save(NamedArrays&) const override;
  void load(const NamedArrays&) override;

  const CrossDqnOptions& options() const noexcept { return options_; }
  /// Q of every mask for a row of features, over the items in the order they are shown in.
  std::vector<float> mask_values(std::span<const float> features) const;

 private:
  std::vector<std::int32_t> order_of(const PageRequest& request) const;

  CrossDqnOptions options_;
  std::uint64_t seed_;
  AdValues ads_;
  ItemValues items_;
  TrainedWeights ad_weights_, item_weights_;
  std::vector<float> slow_ads_, slow_items_;
  std::int64_t updates_ = 0;
};

}  // namespace veer::ads

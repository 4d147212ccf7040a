// A reward fitted from logs: what it is worth to a person to take an item after the items they took before.
//
//   phi(h)   mean of the vectors f of the newest `window` items of history h, the one j places back weighted
//            by decay^j; zeros for an empty history
//   Q(h, a)  = b(a) + phi(h)' W f(a)
//   V(h)     = temperature * ln(sum over items a of exp(Q(h, a) / temperature))
//   r(h, a)  = Q(h, a) - discount * V(h with a behind it)
//
// Inverse RL (inverse_rl.h) fits Q as an action value, so its reward is r; preferences (preferences.h) fit
// the reward itself, which is the same form with a discount of 0. Several members are an ensemble: its reward
// is the mean over them less `pessimism` standard deviations (dividing by their number).
//
// Neither method fixes a zero or a unit. value() is (reward - centre) / spread with mean and standard
// deviation over the events it was fitted to: 0 is what people usually get, 1 one deviation more.
//
// Thread-safety: immutable once built, shared by all workers.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "env/data/item_features.h"
#include "env/reward.h"
#include "env/types.h"

namespace veer {

/// What all members have in common.
struct RewardForm {
  float discount = 0.0F;     ///< 0..1, below 1
  float temperature = 1.0F;  ///< > 0, in units of the reward
  float decay = 0.8F;        ///< of older items, > 0..1
  std::int32_t window = 10;  ///< 1..10,000
  float pessimism = 0.0F;    ///< standard deviations taken off, >= 0
};

/// D: width of the item vectors.
struct RewardMember {
  std::vector<float> item_worth;  ///< b, [N + 1]; entry 0 unused
  std::vector<float> match;       ///< W, [D, D], by what was taken, then by what is
};

/// phi(h). `history`: oldest first, without padding. `out` has D values. REQUIRES: ids of the catalogue.
void read_history(const ItemFeatures& vectors, const RewardForm& form, std::span<const ItemId> history,
                  std::span<float> out) noexcept;

/// temperature * ln(sum of exp(values / temperature)).
double soft_maximum(std::span<const float> values, double temperature) noexcept;

class RewardModel {
 public:
  /// `vectors`: of the items, width 0 for none. Throws FormatError for sizes that disagree, no member, and
  /// numbers that are not finite or out of range.
  RewardModel(const RewardForm& form, ItemFeatures vectors, std::vector<RewardMember> members);

  const RewardForm& form() const noexcept { return form_; }
  const ItemFeatures& vectors() const noexcept { return vectors_; }
  std::span<const RewardMember> members() const noexcept { return members_; }
  std::int32_t items() const noexcept {
    return static_cast<std::int32_t>(members_.front().item_worth.size()) - 1;
  }

  /// Q of every item under one member; `out` has N values, out[i] is item i + 1.
  void action_values(std::size_t member, std::span<const ItemId> history, std::span<float> out) const;
  /// In the units it was fitted in. `history`: oldest first, without padding, before the item is taken. Takes
  /// N * D operations per member where the discount is above 0.
  float reward(ItemId item, std::span<const ItemId> history) const;
  /// The standard deviation over the members of what reward() is made of.
  float deviation(ItemId item, std::span<const ItemId> history) const;

  void set_scale(float centre, float spread);  ///< throws FormatError for spread <= 0 or what is not finite
  float centre() const noexcept { return centre_; }
  float spread() const noexcept { return spread_; }
  float value(ItemId item, std::span<const ItemId> history) const {
    return (reward(item, history) - centre_) / spread_;
  }

 private:
  struct Said {
    double mean = 0.0, deviation = 0.0;
  };
  /// phi(h)' W, [D]: what Q takes of the history.
  std::vector<float> turned(std::size_t member, std::span<const ItemId> history) const;
  float action_value(std::size_t member, std::span<const float> turned, ItemId item) const noexcept;
  Said said(ItemId item, std::span<const ItemId> history) const;

  RewardForm form_;
  ItemFeatures vectors_;
  std::vector<RewardMember> members_;
  float centre_ = 0.0F, spread_ = 1.0F;
};

/// value() of the items that were taken, summed over the slots; what was refused is worth nothing. Reads the
/// history as it was before the step as far as it is still there: all of it while it has not slid.
RewardTerm inferred_satisfaction(std::shared_ptr<const RewardModel> model, float weight = 1.0F);

}  // namespace veer

// What people buy of what they take: a logistic model fitted to logs of clicks and purchases.
//
//   P(purchase | item taken, history) = sigmoid(w0 + w1 share(item) + w2 taste(history) + w3 seen(item))
//   share(i)   log odds of the share of purchases among what was logged of item i, drawn towards that of all
//              items by `prior` imagined events
//   taste(h)   mean of share(j) - share of all items over the newest `window` items j of the history; 0 for
//   none seen(i)    1 when i is among these newest items (in shops, purchases often repeat what was viewed)
//
// A user model says whether an item is taken; this says whether taking it is a purchase. Torch-free.
// Thread-safety: immutable once built, shared by all workers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/types.h"

namespace veer {

struct PurchaseWeights {
  float constant = 0.0F, share = 1.0F, taste = 0.0F, seen = 0.0F;
};

class PurchaseModel {
 public:
  /// `shares`: [N+1] log odds by item, row 0 that of all items. Throws FormatError for numbers that are not
  /// finite, no item, or a window outside 1..10,000.
  PurchaseModel(std::vector<float> shares, const PurchaseWeights& weights, std::int32_t window);

  std::int32_t items() const noexcept { return static_cast<std::int32_t>(shares_.size()) - 1; }
  std::int32_t window() const noexcept { return window_; }
  const PurchaseWeights& weights() const noexcept { return weights_; }
  std::span<const float> shares() const noexcept { return shares_; }

  /// `history`: oldest first, without padding, before the item is taken. REQUIRES: ids of the catalogue.
  float probability(ItemId item, std::span<const ItemId> history) const noexcept;

 private:
  std::vector<float> shares_;
  PurchaseWeights weights_;
  std::int32_t window_;
};

/// taste(history) and seen(item), as above. `shares` as for the constructor of PurchaseModel.
struct PurchaseSigns {
  double taste = 0.0, seen = 0.0;
};
PurchaseSigns purchase_signs(ItemId item, std::span<const ItemId> history, std::span<const float> shares,
                             std::int32_t window) noexcept;

}  // namespace veer

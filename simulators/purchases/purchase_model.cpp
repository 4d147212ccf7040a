#include "simulators/purchases/purchase_model.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "env/error.h"

namespace veer {

PurchaseModel::PurchaseModel(std::vector<float> shares, const PurchaseWeights& weights, std::int32_t window)
    : shares_(std::move(shares)), weights_(weights), window_(window) {
  const auto refuse = [](const char* field, const std::string& found, const std::string& expected) {
    throw FormatError({{}, 0, std::string("purchases: ") + field}, {found, expected, ""});
  };
  if (shares_.size() < 2) refuse("shares", "no item", "one value per item");
  if (window_ < 1 || window_ > 10'000) refuse("window", std::to_string(window_), "1 to 10000");
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    if (!std::isfinite(shares_[i])) {
      refuse("shares", "a value that is not finite for item " + std::to_string(i), "finite log odds");
    }
  }
  for (const float weight : {weights_.constant, weights_.share, weights_.taste, weights_.seen}) {
    if (!std::isfinite(weight)) refuse("weights", "a value that is not finite", "finite weights");
  }
}

PurchaseSigns purchase_signs(ItemId item, std::span<const ItemId> history, std::span<const float> shares,
                             std::int32_t window) noexcept {
  const std::span<const ItemId> newest = history.last(std::min(history.size(), at(window)));
  PurchaseSigns out;
  for (const ItemId each : newest) {
    out.taste += double{shares[at(each)]} - double{shares[0]};
    if (each == item) out.seen = 1.0;
  }
  if (!newest.empty()) out.taste /= static_cast<double>(newest.size());
  return out;
}

float PurchaseModel::probability(ItemId item, std::span<const ItemId> history) const noexcept {
  const PurchaseSigns signs = purchase_signs(item, history, shares_, window_);
  const double logit = double{weights_.constant} + double{weights_.share} * double{shares_[at(item)]} +
                       double{weights_.taste} * signs.taste + double{weights_.seen} * signs.seen;
  return static_cast<float>(1.0 / (1.0 + std::exp(-logit)));
}

}  // namespace veer

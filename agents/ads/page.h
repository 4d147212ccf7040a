// What agents of mixed pages read and write: a row of features in, slots with and without ads and an order of
// items out (the observation and action of ads-v1, scenarios/ads/ads.h). Value types and pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/types.h"

namespace veer::ads {

/// Sizes of a world of pages.
struct PageLayout {
  std::int32_t slots = 5, candidates = 8;
  std::int32_t state = 4;  ///< values about the person, before those of items and ads

  std::int32_t features() const noexcept { return state + 2 * (candidates + slots); }
  std::int32_t reals() const noexcept { return slots + candidates; }
  std::int32_t masks() const noexcept { return 1 << slots; }
};

/// Bit k of a mask: an ad in slot k.
constexpr bool has_ad(std::int32_t mask, std::int32_t slot) noexcept { return ((mask >> slot) & 1) != 0; }

/// A candidate as an observation has it.
struct Offered {
  float click = 0.0F;  ///< chance of a click once looked at
  float worth = 0.0F;  ///< substance of an item, bid of an ad
};

class PageRequest {
 public:
  /// `features`: layout.features() values, kept as a view.
  PageRequest(const PageLayout& layout, std::span<const float> features) noexcept
      : layout_(layout), features_(features) {}

  std::span<const float> state() const noexcept { return features_.first(at(layout_.state)); }
  Offered item(std::int32_t candidate) const noexcept { return offered(candidate); }
  Offered ad(std::int32_t place) const noexcept { return offered(layout_.candidates + place); }

 private:
  Offered offered(std::int32_t i) const noexcept {
    const std::size_t first = at(layout_.state + 2 * i);
    return {features_[first], features_[first + 1]};
  }
  PageLayout layout_;
  std::span<const float> features_;
};

/// The action that shows this mask over candidates in this order, best first; `order` may name only as many
/// as have a slot.
void write_action(const PageLayout& layout, std::int32_t mask, std::span<const std::int32_t> order,
                  std::span<float> reals) noexcept;

/// And back: the order of all candidates, ties to the earlier one.
std::int32_t read_action(const PageLayout& layout, std::span<const float> reals,
                         std::vector<std::int32_t>& order);

/// Candidates by chance of a click, highest first.
std::vector<std::int32_t> by_clicks(const PageLayout& layout, const PageRequest& request);

}  // namespace veer::ads

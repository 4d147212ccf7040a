#include "agents/ads/page.h"

#include <algorithm>
#include <numeric>

namespace veer::ads {

void write_action(const PageLayout& layout, std::int32_t mask, std::span<const std::int32_t> order,
                  std::span<float> reals) noexcept {
  for (std::int32_t k = 0; k < layout.slots; ++k) reals[at(k)] = has_ad(mask, k) ? 1.0F : -1.0F;
  const std::span<float> scores = reals.subspan(at(layout.slots), at(layout.candidates));
  std::ranges::fill(scores, 0.0F);
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    scores[at(order[rank])] = 1.0F - static_cast<float>(rank) / static_cast<float>(layout.candidates);
  }
}

std::int32_t read_action(const PageLayout& layout, std::span<const float> reals,
                         std::vector<std::int32_t>& order) {
  std::int32_t mask = 0;
  for (std::int32_t k = 0; k < layout.slots; ++k) mask |= (reals[at(k)] > 0.0F ? 1 : 0) << k;
  order.resize(at(layout.candidates));
  std::iota(order.begin(), order.end(), 0);
  const std::span<const float> scores = reals.subspan(at(layout.slots));
  std::ranges::stable_sort(order,
                           [&](std::int32_t a, std::int32_t b) { return scores[at(a)] > scores[at(b)]; });
  return mask;
}

std::vector<std::int32_t> by_clicks(const PageLayout& layout, const PageRequest& request) {
  std::vector<std::int32_t> order(at(layout.candidates));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(
      order, [&](std::int32_t a, std::int32_t b) { return request.item(a).click > request.item(b).click; });
  return order;
}

}  // namespace veer::ads

#include "simulators/next_item.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace veer {

ItemId draw_in_proportion(std::span<float> scores, float uniform) noexcept {
  float greatest = -std::numeric_limits<float>::infinity();
  for (const float score : scores) greatest = std::max(greatest, score);
  if (greatest == -std::numeric_limits<float>::infinity()) return no_item;
  double total = 0.0;
  for (float& score : scores) {
    score = std::exp(score - greatest);
    total += double{score};
  }
  const double threshold = double{uniform} * total;
  double sum = 0.0;
  ItemId chosen = no_item;  // the last item with weight catches what rounding leaves over
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] <= 0.0F) continue;
    chosen = static_cast<ItemId>(i) + 1;
    sum += double{scores[i]};
    if (sum > threshold) break;
  }
  return chosen;
}

}  // namespace veer

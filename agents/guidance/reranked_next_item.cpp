#include "agents/guidance/reranked_next_item.h"

#include <string>
#include <tuple>
#include <utility>

#include "agents/guidance/best_few.h"
#include "env/error.h"

namespace veer {

RerankedNextItem::RerankedNextItem(std::shared_ptr<const PersonVectors> people, View<const float> table,
                                   const RerankedNextItemOptions& options)
    : VectorGuide(std::move(people), table, options.guide),
      affinity_(space(), options.similarity),
      candidates_(std::min(options.candidates, space().items())) {
  if (options.candidates < 1) {
    throw ConfigError("policy " + options.guide.name + ": found k = " + std::to_string(options.candidates) +
                      "; expected at least 1 item to choose from");
  }
}

void RerankedNextItem::choose(const GuideRows& rows, std::span<ItemId> items) const {
  std::vector<BestFew> likely(at(rows.size()), BestFew(candidates_));
  sweep(rows, [&](std::int32_t i, ItemId first, std::span<float> scores) {
    rows.bar(i, first, scores);
    for (std::size_t j = 0; j < scores.size(); ++j) {
      likely[at(i)].offer(first + static_cast<ItemId>(j), scores[j]);
    }
  });
  for (std::int32_t i = 0; i < rows.size(); ++i) {
    const ItemId target = rows.target(i);
    std::tuple<float, float, ItemId> best;
    for (const auto& [item, score] : likely[at(i)].items()) {
      const float close = target == no_item ? 0.0F : affinity_.of(space().vector(item), target);
      const std::tuple<float, float, ItemId> found{close, score, -item};
      if (items[at(i)] != no_item && found <= best) continue;
      best = found;
      items[at(i)] = item;
    }
  }
}

}  // namespace veer

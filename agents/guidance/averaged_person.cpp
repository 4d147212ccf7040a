#include "agents/guidance/averaged_person.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "agents/guidance/best_few.h"
#include "env/error.h"

namespace veer {

AveragedPerson::AveragedPerson(std::shared_ptr<const PersonVectors> inner, View<const float> table,
                               const AveragedPersonOptions& options)
    : inner_(std::move(inner)),
      directions_(table, true),
      space_(table, false),
      cosine_(space_, Similarity::cosine),
      options_(options) {
  const auto share = [](float value) { return value >= 0.0F && value <= 1.0F; };
  if (!share(options.inertia) || !share(options.least_arousal) || options.favourites < 0) {
    throw ConfigError("person's vector: found an inertia of " + std::to_string(options.inertia) +
                      ", a least arousal of " + std::to_string(options.least_arousal) + " and " +
                      std::to_string(options.favourites) +
                      " favourites; expected shares from 0 to 1 and a number from 0 on");
  }
  if (inner_->width() != space_.width()) {
    throw ConfigError("person's vector: found " + std::to_string(inner_->width()) +
                      " dimensions; expected the items' " + std::to_string(space_.width()));
  }
}

void AveragedPerson::begin(Rows rows, const Observation& seen, View<float> state,
                           Workspace& workspace) const {
  inner_->begin(rows, seen, state, workspace);
  for (const std::int32_t row : rows) state(row, inner_->state_width()) = static_cast<float>(seen.step(row));
}

float AveragedPerson::inertia(std::int32_t row, const Observation& seen,
                              std::span<const float> person) const {
  const ItemId target = seen.target(row);
  if (options_.favourites == 0 || target == no_item) return options_.inertia;
  // The angle to the person orders items as the product with her vector does, when items have length 1.
  std::vector<float> scores(at(directions_.items()), 0.0F);
  directions_.add_products(1.0F, person, 1, scores);
  for (std::int32_t k = 0; k < seen.history_size(row); ++k) {
    scores[at(seen.history(row, k)) - 1] = -HUGE_VALF;
  }
  BestFew favourites(options_.favourites);
  for (std::size_t i = 0; i < scores.size(); ++i) favourites.offer(static_cast<ItemId>(i) + 1, scores[i]);
  std::vector<ItemId> items;
  for (const ScoredItem& favourite : favourites.items()) items.push_back(favourite.item);
  std::ranges::sort(items);  // one order of summation, whatever the selection left
  float sum = 0.0F;
  for (const ItemId item : items) sum += cosine_.of(space_.vector(item), target);
  const float mean = items.empty() ? 0.0F : sum / static_cast<float>(items.size());
  return 1.0F - std::min(1.0F, std::max(options_.least_arousal, mean));
}

void AveragedPerson::follow(Rows rows, const Observation& seen, View<float> state,
                            Workspace& workspace) const {
  std::vector<std::int32_t> again;
  for (const std::int32_t row : rows) {
    float& known = state(row, inner_->state_width());
    const auto step = static_cast<float>(seen.step(row));
    if (seen.active(row) == 0 || known == step) continue;
    if (step != known + 1.0F) {
      again.push_back(row);
      continue;
    }
    known = step;
    const auto person = state.row(row).first(at(width()));
    for (std::int32_t slot = 0; slot < seen.last_items.width(); ++slot) {
      const ItemId item = seen.last_items(row, slot);
      if (item == no_item || (seen.last_feedback(row, slot) & feedback::accepted) == 0) continue;
      const float kept = inertia(row, seen, person);
      const auto taken = space_.vector(item);
      for (std::size_t d = 0; d < taken.size(); ++d) person[d] = kept * person[d] + (1.0F - kept) * taken[d];
    }
  }
  if (!again.empty()) begin(again, seen, state, workspace);
}

}  // namespace veer

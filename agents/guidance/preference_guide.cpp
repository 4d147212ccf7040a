#include "agents/guidance/preference_guide.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "env/error.h"

namespace veer {

PreferenceGuide::PreferenceGuide(std::shared_ptr<const PersonVectors> people, View<const float> table,
                                 const PreferenceGuideOptions& options, std::optional<Intents> intents)
    : VectorGuide(std::move(people), table, options.guide),
      affinity_(space(), options.similarity),
      intent_weight_(options.intent_weight),
      intents_(std::move(intents)) {
  if (!(intent_weight_ >= 0.0F) || !std::isfinite(intent_weight_) || (intent_weight_ > 0.0F && !intents_)) {
    throw ConfigError("policy " + options.guide.name + ": found an intention weight of " +
                      std::to_string(intent_weight_) + (intents_ ? "" : " without intentions") +
                      "; expected a finite number from 0 on, and intentions where it is positive");
  }
}

void PreferenceGuide::choose(const GuideRows& rows, std::span<ItemId> items) const {
  const bool reads_intents = intent_weight_ > 0.0F;
  std::vector<float> towards(at(rows.size()), 0.0F),
      best(at(rows.size()), -std::numeric_limits<float>::infinity());
  std::vector<std::span<const float>> agreement(at(rows.size()));
  for (std::int32_t i = 0; i < rows.size(); ++i) {
    if (rows.target(i) != no_item) towards[at(i)] = affinity_.of(rows.person(i), rows.target(i));
    if (reads_intents) agreement[at(i)] = intents_->agreement(intents_->of(rows.person(i)));
  }
  std::vector<float> values;
  sweep(rows, [&](std::int32_t i, ItemId first, std::span<float> scores) {
    for (float& score : scores) score = 1.0F / (1.0F + std::exp(-score));
    if (reads_intents) {
      for (std::size_t j = 0; j < scores.size(); ++j) {
        scores[j] += intent_weight_ * agreement[at(i)][at(intents_->of_item(first + static_cast<ItemId>(j)))];
      }
    }
    if (rows.target(i) != no_item) {
      values.resize(scores.size());
      affinity_.of_items(rows.target(i), first, values);
      for (std::size_t j = 0; j < scores.size(); ++j) scores[j] *= values[j] - towards[at(i)];
    }
    rows.bar(i, first, scores);
    for (std::size_t j = 0; j < scores.size(); ++j) {
      if (scores[j] > best[at(i)]) {
        best[at(i)] = scores[j];
        items[at(i)] = first + static_cast<ItemId>(j);
      }
    }
  });
}

}  // namespace veer

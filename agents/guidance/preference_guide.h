// Guides by preference: the item that is both likely to be taken and moves the person towards the target.
// IPG and, with an intention term, ITMPRec. Training-free: it re-ranks what a fitted next-item network says.
//
// Sources: Bi, Wang, Pan, Feng, He, "Proactive Recommendation with Iterative Preference Guidance" (WWW 2024
// companion, arXiv 2403.07571); Lian, Song, Ge, "ITMPRec: Intention-based Targeted Multi-round Proactive
// Recommendation" (WWW 2025).
#pragma once

#include <memory>
#include <optional>

#include "agents/guidance/intents.h"
#include "agents/guidance/target_affinity.h"
#include "agents/guidance/vector_guide.h"

namespace veer {

struct PreferenceGuideOptions {
  VectorGuideOptions guide;
  Similarity similarity = Similarity::cosine;
  float intent_weight = 0.0F;  ///< lambda of ITMPRec; 0: IPG, and `intents` is not read
};

/// With u the person's vector, g the target and e an item, shown is the greatest
///
///   (p(u, e) + lambda q(u, e)) (s(e, g) - s(u, g))      p = sigmoid(u . e),   q = sigmoid(c(u) . c(e))
///
/// where s is the similarity and c(x) the intention (cluster centre, see Intents) nearest to x. Between
/// equals the lower id. Without a target the second factor is 1.
///
/// The second factor is the guiding value. Both papers write it as s(u', g) - s(u, g) with u' = gamma u + (1
/// - gamma) e, the person after taking e; for inner products that is (1 - gamma) (s(e, g) - s(u, g)), so
/// gamma (ITMPRec: a person's own gamma_u) scales all scores of a row alike and chooses nothing. It matters
/// where the person's vector itself is moved by that rule: see AveragedPerson.
///
/// `dot` is the papers' similarity, and sound where people and items are of one scale. The read-outs of a
/// network trained by softmax need not be: where s(u, g) exceeds every s(e, g), all guiding values are negative
/// and the product prefers what is least likely to be taken. Both released codes use cosines, which is the
/// default here.
class PreferenceGuide final : public VectorGuide {
 public:
  /// Throws what VectorGuide's constructor throws, and ConfigError for an intention weight that is negative,
  /// not finite, or without intents.
  PreferenceGuide(std::shared_ptr<const PersonVectors> people, View<const float> table,
                  const PreferenceGuideOptions& options, std::optional<Intents> intents = std::nullopt);

 private:
  void choose(const GuideRows& rows, std::span<ItemId> items) const override;

  TargetAffinity affinity_;
  float intent_weight_;
  std::optional<Intents> intents_;
};

}  // namespace veer

// The sequential recommender of the guidance papers' tables: of the k items that a next-item network thinks
// most likely, the one closest to the target. Source: the sequential baselines of ProRL (arXiv 2605.28293),
// "Rec2Inf" in IRN (Zhu et al., ICDE 2023, arXiv 2211.10002).
#pragma once

#include <cstdint>
#include <memory>

#include "agents/guidance/target_affinity.h"
#include "agents/guidance/vector_guide.h"

namespace veer {

struct RerankedNextItemOptions {
  VectorGuideOptions guide;
  std::int32_t candidates = 50;  ///< k
  Similarity similarity = Similarity::cosine;
};

/// Among the k items with the greatest u . e that may be shown (all, if there are fewer), the one with the
/// greatest similarity to the target; between equals the likelier, then the lower id. Without a target the
/// likeliest. k = 1 guides nowhere; a k of the catalogue's size ignores the person.
class RerankedNextItem final : public VectorGuide {
 public:
  /// Throws what VectorGuide's constructor throws, and ConfigError for k < 1.
  RerankedNextItem(std::shared_ptr<const PersonVectors> people, View<const float> table,
                   const RerankedNextItemOptions& options);

 private:
  void choose(const GuideRows& rows, std::span<ItemId> items) const override;

  TargetAffinity affinity_;
  std::int32_t candidates_;
};

}  // namespace veer
